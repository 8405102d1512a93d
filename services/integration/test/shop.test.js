import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { startMariadb } from '../mariadb.js';
import { amber, asHtml, migrate, startCustomer, startEmployee } from '../shop.js';

let database;
let customer;
let employee;
const open = [];
before(async () => {
  database = await startMariadb();
  assert.equal((await migrate(database)).status, 0);
  const suite = { after: (end) => open.push(end) };
  customer = await startCustomer(suite, database);
  employee = await startEmployee(suite, database);
}, { timeout: 60_000 });
after(async () => {
  for (const end of open) end();
  await database?.end();
});
beforeEach(() => database.asRoot('DELETE FROM coffee.suppliers'));

const rows = async () => (await database.asRoot('SELECT * FROM coffee.suppliers ORDER BY id')).map((row) => ({ ...row }));
const listed = async (html) => (await customer.page('/suppliers')).html.includes(html);
const toList = ({ status, location }) => assert.deepEqual([status, location], [303, '/admin/suppliers']);

async function oneSupplier() {
  toList(await employee.submit('/admin/supplier-add', amber));
  return (await rows())[0].id;
}

test('what employee adds, edits and removes is what customer lists', async () => {
  assert.ok(await listed('There are no suppliers yet'));
  const id = await oneSupplier();
  assert.ok(await listed('Amber Roasters'));
  toList(await employee.submit('/admin/supplier-update', { ...amber, id, name: 'Amber & Sons' }));
  assert.ok(await listed('Amber &amp; Sons'));
  assert.match((await employee.page(`/admin/supplier-update/${id}`)).html, /value="Amber &amp; Sons"/);
  toList(await employee.submit(`/admin/supplier-remove/${id}`, {}));
  assert.ok(await listed('There are no suppliers yet'));
});

test('saving a supplier unchanged is no error', async () => {
  const id = await oneSupplier();
  toList(await employee.submit('/admin/supplier-update', { ...amber, id }));
});

test('invalid input comes back with messages and changes nothing', async () => {
  const id = await oneSupplier();
  const before_ = await rows();
  for (const [path, fields] of [
    ['/admin/supplier-add', { ...amber, phone: 'call me' }],
    ['/admin/supplier-update', { ...amber, id, name: ' ' }],
    ['/admin/supplier-update', { ...amber, id, city: 'x'.repeat(256) }],
  ]) {
    const { status, html } = await employee.submit(path, fields);
    assert.equal(status, 422);
    assert.match(html, /role="alert"/);
  }
  assert.deepEqual(await rows(), before_);
});

for (const hostile of [
  `'); DROP TABLE suppliers; -- `,
  `" OR "1"="1`,
  `\\'; DELETE FROM suppliers; #`,
  '<script>alert(1)</script>',
  `"><img src=x onerror=alert(1)>`,
  '${7*7} <%= 7*7 %> {{7*7}} %s ??',
  '😀 日本語 Zoë\u202E',
]) {
  test(`is data, stored and shown as it was typed: ${hostile}`, async () => {
    const id = await oneSupplier();
    const typed = { ...amber, name: hostile, address: hostile, city: hostile, state: hostile };
    toList(await employee.submit('/admin/supplier-add', typed));
    toList(await employee.submit('/admin/supplier-update', { ...typed, id }));
    for (const row of await rows()) assert.deepEqual([row.name, row.address, row.city, row.state], Array(4).fill(hostile.trim()));
    for (const { html } of [await customer.page('/suppliers'), await employee.page('/admin/suppliers')]) {
      assert.ok(html.includes(asHtml(hostile.trim())));
      assert.doesNotMatch(html, /<script|<img/);
    }
  });
}

test('the longest values that the form takes are the longest that the table takes', async () => {
  const long = '😀'.repeat(255);
  const email = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(6)}`;
  const longest = { name: long, address: long, city: long, state: long, email, phone: `1234${' '.repeat(95)}5` };
  toList(await employee.submit('/admin/supplier-add', longest));
  const [{ id, ...stored }] = await rows();
  assert.deepEqual(stored, longest);
});

test('an id that is SQL finds nothing and removes nothing', async () => {
  const id = await oneSupplier();
  assert.equal(await employee.status(`/admin/supplier-update/${encodeURIComponent(`${id} OR 1=1`)}`), 404);
  assert.equal((await employee.submit(`/admin/supplier-remove/${encodeURIComponent(`${id} OR 1=1`)}`, {})).status, 404);
  assert.equal((await employee.submit('/admin/supplier-update', { ...amber, id: `${id} OR 1=1` })).status, 404);
  assert.equal((await rows()).length, 1);
});

test('every writing route is 404 on customer, and nothing happens', async () => {
  const id = await oneSupplier();
  const before_ = await rows();
  for (const [method, path] of [
    ['GET', '/supplier-add'], ['POST', '/supplier-add'], ['GET', `/supplier-update/${id}`],
    ['POST', '/supplier-update'], ['POST', `/supplier-remove/${id}`], ['POST', `/admin/supplier-remove/${id}`],
  ]) {
    const body = method === 'POST' ? new URLSearchParams({ ...amber, id }) : undefined;
    assert.equal((await customer.get(path, { method, body })).status, 404, `${method} ${path}`);
  }
  assert.deepEqual(await rows(), before_);
});

test('a form without its token changes nothing', async () => {
  const id = await oneSupplier();
  for (const path of ['/admin/supplier-add', '/admin/supplier-update', `/admin/supplier-remove/${id}`]) {
    const { status } = await employee.get(path, { method: 'POST', body: new URLSearchParams({ ...amber, id }) });
    assert.equal(status, 403, path);
  }
  assert.deepEqual((await rows()).map((row) => row.id), [id]);
});

test('a hundred visitors at a time share a handful of connections', async () => {
  await oneSupplier();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => (n % 2 ? customer.status('/suppliers') : employee.status('/admin/suppliers'))));
  assert.deepEqual(answers, Array(100).fill(200));
  const [{ n }] = await database.asRoot("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user LIKE 'coffee%'");
  assert.ok(Number(n) <= 10, `${n} connections`);
});
