import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, healthy, startApp } from './helpers.js';

const cookieOf = (response) => response.headers.getSetCookie().find((one) => one.startsWith('done='));

for (const [path, fields, text] of [
  ['/admin/supplier-add', amber, 'The supplier was added.'],
  ['/admin/supplier-update', amber, 'The changes were saved.'],
  ['/admin/supplier-remove/7', {}, 'The supplier was removed.'],
]) {
  test(`after POST ${path} the list says once: ${text}`, async (t) => {
    const { get, submit } = await startApp(t, healthy());
    const given = cookieOf(await submit(path, fields));
    assert.match(given, /Max-Age=60; Path=\/admin\/suppliers; .*HttpOnly; SameSite=Lax$/);
    const list = await get('/admin/suppliers', { headers: { cookie: `a=1; ${given.split(';')[0]}; b=2` } });
    assert.ok((await list.text()).includes(`role="status" tabindex="-1" autofocus>${text}<`));
    assert.match(cookieOf(list), /^done=;.*Expires=Thu, 01 Jan 1970/);
  });
}

test('nothing is said of what was not done', async (t) => {
  const { get, submit } = await startApp(t, healthy());
  assert.equal(cookieOf(await submit('/admin/supplier-add', { ...amber, name: '' })), undefined);
  assert.equal(cookieOf(await submit('/admin/supplier-update', { ...amber, id: 99 })), undefined);
  const list = await get('/admin/suppliers');
  assert.equal(cookieOf(list), undefined);
  assert.doesNotMatch(await list.text(), /role="status"/);
});

for (const odd of ['constructor', '__proto__', '<b>x</b>', 'x'.repeat(5000)]) {
  test(`a cookie of somebody else's making says nothing: ${odd.slice(0, 20)}`, async (t) => {
    const { get } = await startApp(t, healthy());
    const response = await get('/admin/suppliers', { headers: { cookie: `done=${odd}` } });
    assert.equal(response.status, 200);
    assert.doesNotMatch(await response.text(), /role="status"/);
  });
}

test('with TLS the cookie travels by TLS alone', async (t) => {
  const { submit } = await startApp(t, healthy());
  assert.match(cookieOf(await submit('/admin/supplier-add', amber, { 'x-forwarded-proto': 'https' })), /; Secure/);
});
