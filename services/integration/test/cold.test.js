// A stage without a first migration: whichever service is released first, nothing of it has to be released again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startMariadb } from '../mariadb.js';
import { amber, migrate, startCustomer, startEmployee } from '../shop.js';

const LIMIT = { timeout: 60_000 };

let database;
before(async () => {
  database = await startMariadb();
}, LIMIT);
after(() => database?.end());

test('customer, released before employee has migrated, says 503 where data would be, and needs no second release', LIMIT, async (t) => {
  const customer = await startCustomer(t, database);
  const employee = await startEmployee(t, database);
  assert.deepEqual(await Promise.all(['/', '/health', '/suppliers', '/ready'].map((path) => customer.status(path))), [200, 200, 503, 503]);
  assert.deepEqual(await Promise.all(['/admin', '/admin/health', '/admin/suppliers', '/admin/ready'].map((path) => employee.status(path))), [200, 200, 503, 503]);
  const response = await customer.get('/suppliers');
  assert.ok(Number(response.headers.get('retry-after')) > 0);
  assert.match(await response.text(), /try again/i);

  assert.equal((await migrate(database)).status, 0);
  assert.deepEqual(await Promise.all(['/suppliers', '/ready'].map((path) => customer.status(path))), [200, 200]);
  assert.equal((await employee.submit('/admin/supplier-add', amber)).status, 303);
  assert.match((await customer.page('/suppliers')).html, /Amber Roasters/);
});
