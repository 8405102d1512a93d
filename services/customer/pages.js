// Templates in, HTML out; eta escapes every value.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Eta } from 'eta';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const eta = new Eta({ views: here('views'), cache: true, autoEscape: true });

export const assetsFolder = here('public');

// In the address of the style sheet, so that a release never meets the previous one in a browser's cache.
const version = createHash('sha256').update(readFileSync(here('public/site.css'))).digest('hex').slice(0, 8);

const MESSAGES = {
  404: ['Page not found', 'There is nothing at this address. It may have been moved or mistyped.'],
  503: ['Back in a moment', 'We cannot reach our list of suppliers right now. Please try again in a minute.'],
  500: ['Something went wrong', 'The mistake is ours and has been noted. Please try again.'],
  400: ['That did not work', 'We could not understand this request.'],
};

export function render(res, template, data = {}) {
  res.type('html').send(eta.render(`./${template}`, { version, ...data }));
}

export function renderMessage(req, res, status) {
  const [title, text] = MESSAGES[status] ?? MESSAGES[status < 500 ? 400 : 500];
  if (status === 503) res.set('Retry-After', '30');
  render(res.status(status), 'message', { title, text, requestId: req.id, page: '' });
}
