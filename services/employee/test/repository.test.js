import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRepository } from '../repository.js';
import { amber } from './helpers.js';

const VALUES = [amber.name, amber.address, amber.city, amber.state, amber.email, amber.phone];

function recorded(result) {
  const calls = [];
  return { calls, repository: createRepository({ execute: async (...call) => (calls.push(call), result) }) };
}

test('SQL in any field is data: values travel beside the statement', async () => {
  const { calls, repository } = recorded({ affectedRows: 1 });
  const nasty = { ...amber, name: "x'); DROP TABLE suppliers; --" };
  await repository.addSupplier(nasty);
  await repository.updateSupplier(7, nasty);
  for (const [sql, values] of calls) {
    assert.doesNotMatch(sql, /DROP/);
    assert.ok(values.includes(nasty.name));
    assert.equal(sql.match(/\?/g).length, values.length);
  }
});

test('each operation is one prepared statement', async () => {
  const { calls, repository } = recorded([amber]);
  await repository.listSuppliers();
  assert.deepEqual(await repository.findSupplier(7), amber);
  await repository.addSupplier(amber);
  await repository.updateSupplier(7, amber);
  await repository.removeSupplier(7);
  await repository.ping();
  assert.deepEqual(calls, [
    ['SELECT id, name, address, city, state, email, phone FROM suppliers ORDER BY name, id LIMIT 1000'],
    ['SELECT id, name, address, city, state, email, phone FROM suppliers WHERE id = ?', [7]],
    ['INSERT INTO suppliers (name, address, city, state, email, phone) VALUES (?, ?, ?, ?, ?, ?)', VALUES],
    ['UPDATE suppliers SET name = ?, address = ?, city = ?, state = ?, email = ?, phone = ? WHERE id = ?', [...VALUES, 7]],
    ['DELETE FROM suppliers WHERE id = ?', [7]],
    ['SELECT 1'],
  ]);
});

test('an update tells whether there was such a supplier', async () => {
  assert.equal(await recorded({ affectedRows: 1 }).repository.updateSupplier(7, amber), true);
  assert.equal(await recorded({ affectedRows: 0 }).repository.updateSupplier(7, amber), false);
});
