import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { startMariadb } from '../mariadb.js';
import { amber, migrate, startCustomer, startEmployee } from '../shop.js';

const LIMIT = { timeout: 60_000 };

let database;
before(async () => {
  database = await startMariadb();
  assert.equal((await migrate(database, { args: ['--sample-rows'] })).status, 0);
}, LIMIT);
after(() => database?.end());

const both = async (t) => [await startCustomer(t, database), await startEmployee(t, database)];

async function data(customer, employee) {
  const asked = [customer.status('/suppliers'), customer.status('/ready'), employee.status('/admin/suppliers'), employee.status('/admin/ready')];
  return Promise.all(asked);
}

const shallow = (customer, employee) =>
  Promise.all([customer.status('/health'), customer.status('/'), employee.status('/admin/health'), employee.status('/admin')]);

test('the database goes and comes back: 503 meanwhile, health stays, no process is started again', LIMIT, async (t) => {
  const [customer, employee] = await both(t);
  t.after(() => database.start());
  assert.deepEqual(await data(customer, employee), [200, 200, 200, 200]);

  await database.stop();
  assert.deepEqual(await data(customer, employee), [503, 503, 503, 503]);
  assert.deepEqual(await shallow(customer, employee), [200, 200, 200, 200]);
  assert.equal((await employee.submit('/admin/supplier-add', amber)).status, 503);

  await database.start();
  assert.deepEqual(await data(customer, employee), [200, 200, 200, 200]);
  assert.ok(customer.lines.some((line) => line.code === 'ECONNREFUSED' && line.requestId));
});

test('a database that hangs is given up, health answers meanwhile, and all is well when it goes on', LIMIT, async (t) => {
  const [customer, employee] = await both(t);
  assert.deepEqual(await data(customer, employee), [200, 200, 200, 200]);
  t.after(() => database.thaw());
  database.freeze();
  const waiting = data(customer, employee);
  assert.deepEqual(await shallow(customer, employee), [200, 200, 200, 200]);
  assert.deepEqual(await waiting, [503, 503, 503, 503]);
  database.thaw();
  assert.deepEqual(await data(customer, employee), [200, 200, 200, 200]);
});

test('a connection that the server ended is replaced: one 503 at most', LIMIT, async (t) => {
  const customer = await startCustomer(t, database);
  assert.equal(await customer.status('/suppliers'), 200);
  for (const { id } of await database.asRoot("SELECT id FROM information_schema.processlist WHERE user LIKE 'coffee%'")) await database.asRoot(`KILL ${id}`);
  await customer.status('/suppliers');
  assert.equal(await customer.status('/suppliers'), 200);
});

test('without employee, customer is fully usable; and the other way round', LIMIT, async (t) => {
  const [customer, employee] = await both(t);
  employee.kill('SIGTERM');
  assert.equal(await employee.exited, 0);
  assert.deepEqual([await customer.status('/'), await customer.status('/suppliers')], [200, 200]);

  const second = await startEmployee(t, database);
  customer.kill('SIGTERM');
  assert.equal(await customer.exited, 0);
  assert.equal((await second.submit('/admin/supplier-add', { ...amber, name: 'Alone' })).status, 303);
  const { html } = await second.page('/admin/suppliers');
  assert.match(html, /Alone/);
  for (const [, path] of html.matchAll(/href="(\/[^"]+)"/g)) assert.equal(await second.status(path), 200, path);
});

test('SIGTERM while a statement waits: the answer still comes, whole, and the process leaves with 0', LIMIT, async (t) => {
  const [customer, employee] = await both(t);
  const names = ['Amber Roasters', 'Zoë&#39;s Café'];
  const locker = await database.connect({ user: 'master', password: "m'\\ \"é" });
  await locker.query('LOCK TABLES coffee.suppliers WRITE');
  const list = customer.page('/suppliers');
  const added = employee.submit('/admin/supplier-add', { ...amber, name: 'Last Order' });
  for (;;) {
    const [{ n }] = await database.asRoot("SELECT COUNT(*) AS n FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'");
    if (Number(n) === 2) break;
  }

  for (const service of [customer, employee]) {
    service.kill('SIGTERM');
    await service.logged('stopping');
    const late = net.connect(new URL(service.base).port, '127.0.0.1');
    await assert.rejects(once(late, 'connect'), { code: 'ECONNREFUSED' });
  }
  await locker.query('UNLOCK TABLES');
  await locker.end();

  const { status, html } = await list;
  assert.equal(status, 200);
  for (const name of names) assert.ok(html.includes(name), name);
  assert.match(html, /<\/html>/);
  assert.deepEqual([(await added).status, await customer.exited, await employee.exited], [303, 0, 0]);
  assert.equal((await database.asRoot("SELECT id FROM coffee.suppliers WHERE name = 'Last Order'")).length, 1);
});
