// What was just done, said once on the page that follows. It travels in a cookie, because tasks share no memory; the
// cookie holds a key of this list and never a text.
const TEXTS = { added: 'The supplier was added.', changed: 'The changes were saved.', removed: 'The supplier was removed.' };
const COOKIE = /(?:^|;\s*)done=(\w{1,20})(?:;|$)/;
const PATH = '/admin/suppliers';

export function leaveNotice(req, res, key) {
  const secure = req.get('x-forwarded-proto') === 'https';
  res.cookie('done', key, { path: PATH, httpOnly: true, sameSite: 'lax', secure, maxAge: 60_000 });
}

// Returns the text, or undefined when there is nothing to say, and sees to it that it is not said again.
export function takeNotice(req, res) {
  const key = COOKIE.exec(req.get('cookie') ?? '')?.[1];
  if (key === undefined) return undefined;
  res.clearCookie('done', { path: PATH });
  return Object.hasOwn(TEXTS, key) ? TEXTS[key] : undefined;
}
