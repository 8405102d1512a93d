import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, healthy, startApp } from './helpers.js';

const { id, ...fields } = amber;

function assertBackToList(response) {
  assert.equal(response.status, 303);
  assert.equal(response.headers.get('location'), '/admin/suppliers');
}

test('adding stores the trimmed values and leads back to the list', async (t) => {
  const repository = healthy();
  const { submit } = await startApp(t, repository);
  assertBackToList(await submit('/admin/supplier-add', { ...fields, name: '  Amber Roasters ' }));
  assert.deepEqual(repository.calls, [['add', fields]]);
});

test('what was not asked for is not stored', async (t) => {
  const repository = healthy();
  const { submit } = await startApp(t, repository);
  await submit('/admin/supplier-add', { ...fields, id: '1', role: 'owner' });
  assert.deepEqual(Object.keys(repository.calls[0][1]), Object.keys(fields));
});

test('editing changes the supplier and leads back to the list', async (t) => {
  const repository = healthy();
  const { submit } = await startApp(t, repository);
  assertBackToList(await submit('/admin/supplier-update', { ...fields, id, city: 'Salem' }));
  assert.deepEqual(repository.calls, [['update', 7, { ...fields, city: 'Salem' }]]);
});

test('editing a supplier that is gone is the 404 page', async (t) => {
  const { submit } = await startApp(t, healthy());
  assert.equal((await submit('/admin/supplier-update', { ...fields, id: 99 })).status, 404);
});

test('removing removes and leads back to the list, also the second time', async (t) => {
  const repository = healthy();
  const { submit } = await startApp(t, repository);
  assertBackToList(await submit('/admin/supplier-remove/7', {}));
  assertBackToList(await submit('/admin/supplier-remove/99', {}));
  assert.deepEqual(repository.calls, [['remove', 7], ['remove', 99]]);
});

for (const bad of ['', 'x', '0', '-1', '7 OR 1=1', '1e3', '99999999999']) {
  test(`"${bad}" is no id of a supplier`, async (t) => {
    const repository = healthy();
    const { submit } = await startApp(t, repository);
    assert.equal((await submit('/admin/supplier-update', { ...fields, id: bad })).status, 404);
    assert.equal((await submit(`/admin/supplier-remove/${encodeURIComponent(bad)}`, {})).status, 404);
    assert.deepEqual(repository.calls, []);
  });
}

for (const [path, extra] of [['/admin/supplier-add', {}], ['/admin/supplier-update', { id: '7' }]]) {
  test(`invalid input to ${path}: 422, the form again with messages and values, nothing changed`, async (t) => {
    const repository = healthy();
    const { submit } = await startApp(t, repository);
    const response = await submit(path, { ...fields, ...extra, name: ' ', phone: 'call me', city: '<b>Bogotá</b>' });
    assert.equal(response.status, 422);
    const html = await response.text();
    assert.match(html, /id="name-error">Name must not be empty</);
    assert.match(html, /id="phone-error">Phone must look like/);
    assert.match(html, /id="phone"[^>]*aria-invalid="true" aria-describedby="phone-error"/);
    assert.match(html, /role="alert" tabindex="-1" autofocus/);
    assert.match(html, /<title>Error: (Add a|Edit) supplier – /);
    assert.doesNotMatch(html, /id="email-error"/);
    assert.ok(html.includes('value="call me"'));
    assert.ok(html.includes('value="&lt;b&gt;Bogotá&lt;/b&gt;"'));
    assert.match(html, new RegExp(`method="post" action="${path}"`));
    assert.deepEqual(repository.calls, []);
  });
}

test('the form that came back with messages can be sent again', async (t) => {
  const repository = healthy();
  const { open, post } = await startApp(t, repository);
  const { cookie, token } = await open();
  const html = await (await post('/admin/supplier-add', { _csrf: token }, { cookie })).text();
  const again = /name="_csrf" value="([^"]+)"/.exec(html)[1];
  assertBackToList(await post('/admin/supplier-add', { ...fields, _csrf: again }, { cookie }));
});

test('a body that is too large is refused', async (t) => {
  const repository = healthy();
  const { submit } = await startApp(t, repository);
  assert.equal((await submit('/admin/supplier-add', { ...fields, name: 'x'.repeat(40_000) })).status, 413);
  assert.deepEqual(repository.calls, []);
});
