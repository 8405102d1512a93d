// A form may only come from our own pages: the browser says so, and the form repeats the token of its cookie.
// The token is not signed: tasks share no key, and what a signature would guard against (a neighbouring host
// that plants a cookie) fails the check of the origin.
import { randomBytes, timingSafeEqual } from 'node:crypto';

const COOKIE = /(?:^|;\s*)csrf=([\w-]{43})(?:;|$)/;

// For pages with a form.
export function issueToken(req, res, next) {
  res.locals.csrf = tokenOf(req);
  if (res.locals.csrf === undefined) {
    res.locals.csrf = randomBytes(32).toString('base64url');
    // Lax, not Strict: a link from a mail must not replace the token of a form that is open in another tab.
    const secure = req.get('x-forwarded-proto') === 'https';
    res.cookie('csrf', res.locals.csrf, { path: '/admin', httpOnly: true, sameSite: 'lax', secure });
  }
  next();
}

// For routes that write; after the body was read.
export function checkToken(req, res, next) {
  const token = tokenOf(req);
  if (sameOrigin(req) && token !== undefined && equal(token, req.body?._csrf)) {
    res.locals.csrf = token;
    return next();
  }
  next(Object.assign(new Error('a form that is not ours'), { status: 403 }));
}

function tokenOf(req) {
  return COOKIE.exec(req.get('cookie') ?? '')?.[1];
}

// Browsers send Sec-Fetch-Site on HTTPS only, Origin with every POST. What sends neither is no browser.
function sameOrigin(req) {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = req.get('origin');
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === req.get('host')?.toLowerCase();
}

function equal(expected, given) {
  const [a, b] = [Buffer.from(expected), Buffer.from(typeof given === 'string' ? given : '')];
  return a.length === b.length && timingSafeEqual(a, b);
}
