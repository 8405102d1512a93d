import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, healthy, startApp } from './helpers.js';

const PATHS = ['/admin/supplier-add', '/admin/supplier-update', '/admin/supplier-remove/7'];

// Sends the same good form in the way that `change` describes, and tells the status and whether anything was written.
async function attempt(t, path, change) {
  const repository = healthy();
  const { base, open, post } = await startApp(t, repository);
  const { cookie, token } = await open();
  const { fields, headers } = change({ cookie, token, base });
  const { status } = await post(path, { ...amber, ...fields }, headers);
  return [status, repository.calls.length];
}

for (const path of PATHS) {
  for (const [name, change] of [
    ['without a token', ({ cookie }) => ({ fields: {}, headers: { cookie } })],
    ['without a cookie', ({ token }) => ({ fields: { _csrf: token }, headers: {} })],
    ['with another token', ({ cookie }) => ({ fields: { _csrf: 'A'.repeat(43) }, headers: { cookie } })],
    ['with a cookie of a wrong shape', () => ({ fields: { _csrf: 'x' }, headers: { cookie: 'csrf=x' } })],
    ['from another site, says the browser', ({ cookie, token }) =>
      ({ fields: { _csrf: token }, headers: { cookie, 'sec-fetch-site': 'cross-site' } })],
    ['from a neighbouring host', ({ cookie, token }) =>
      ({ fields: { _csrf: token }, headers: { cookie, 'sec-fetch-site': 'same-site' } })],
    ['with a foreign origin', ({ cookie, token }) =>
      ({ fields: { _csrf: token }, headers: { cookie, origin: 'http://evil.example.com' } })],
    ['with the origin "null"', ({ cookie, token }) => ({ fields: { _csrf: token }, headers: { cookie, origin: 'null' } })],
  ]) {
    test(`POST ${path} ${name} is refused and changes nothing`, async (t) => {
      assert.deepEqual(await attempt(t, path, change), [403, 0]);
    });
  }
}

for (const [name, change] of [
  ['cookie and token, no word about the origin', ({ cookie, token }) => ({ fields: { _csrf: token }, headers: { cookie } })],
  ['our own origin', ({ cookie, token, base }) => ({ fields: { _csrf: token }, headers: { cookie, origin: base } })],
  ['same-origin, though TLS ended at the balancer', ({ cookie, token }) =>
    ({ fields: { _csrf: token }, headers: { cookie, origin: 'https://shop.example.com', 'sec-fetch-site': 'same-origin' } })],
  ['other cookies around ours', ({ cookie, token }) => ({ fields: { _csrf: token }, headers: { cookie: `a=1; ${cookie}; b=2` } })],
]) {
  test(`accepted: ${name}`, async (t) => {
    assert.deepEqual(await attempt(t, '/admin/supplier-add', change), [303, 1]);
  });
}

test('a body of another type carries no token', async (t) => {
  const { base, open } = await startApp(t, healthy());
  const { cookie, token } = await open();
  const body = JSON.stringify({ ...amber, _csrf: token });
  const headers = { cookie, 'content-type': 'application/json' };
  assert.equal((await fetch(`${base}/admin/supplier-add`, { method: 'POST', body, headers })).status, 403);
});

test('the cookie is for this service only, and for TLS when there is TLS', async (t) => {
  const { get } = await startApp(t, healthy());
  const plain = (await get('/admin/supplier-add')).headers.get('set-cookie');
  assert.match(plain, /Path=\/admin; HttpOnly; SameSite=Lax$/);
  const secure = await get('/admin/supplier-add', { headers: { 'x-forwarded-proto': 'https' } });
  assert.match(secure.headers.get('set-cookie'), /Secure/);
});

test('a second form keeps the token of the first', async (t) => {
  const { get, open } = await startApp(t, healthy());
  const { cookie, token } = await open();
  const response = await get('/admin/supplier-update/7', { headers: { cookie } });
  assert.equal(response.headers.get('set-cookie'), null);
  assert.ok((await response.text()).includes(token));
});

test('the refusal explains itself', async (t) => {
  const { post } = await startApp(t, healthy());
  assert.match(await (await post('/admin/supplier-add', amber)).text(), /Nothing was changed/);
});
