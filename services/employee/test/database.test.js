import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDatabase, DatabaseUnavailable } from '../database.js';

// A pool with one connection that notes what happens to it.
function fakePool({ execute, getConnection }) {
  const events = [];
  const connection = {
    execute: async (sql, values) => (events.push(['execute', sql, values]), execute(sql, values)),
    release: () => events.push(['release']),
    destroy: () => events.push(['destroy']),
  };
  return {
    events,
    getConnection: getConnection ? () => getConnection(connection) : async () => connection,
    end: async () => events.push(['end']),
  };
}

test('a statement goes out prepared and gives its connection back', async () => {
  const pool = fakePool({ execute: async () => [[{ id: 1 }], []] });
  assert.deepEqual(await createDatabase(pool).execute('SELECT ?', ["'; DROP TABLE suppliers"]), [{ id: 1 }]);
  assert.deepEqual(pool.events, [['execute', 'SELECT ?', ["'; DROP TABLE suppliers"]], ['release']]);
});

test('a failed statement is a 503 with the driver\'s code, and its connection is not used again', async () => {
  const pool = fakePool({ execute: async () => { throw Object.assign(new Error('gone'), { code: 'ECONNRESET' }); } });
  await assert.rejects(createDatabase(pool).execute('SELECT 1'), (error) => {
    assert.ok(error instanceof DatabaseUnavailable);
    assert.deepEqual([error.status, error.code, error.message], [503, 'ECONNRESET', 'gone']);
    return true;
  });
  assert.deepEqual(pool.events.at(-1), ['destroy']);
});

test('a database that never answers is given up at the deadline', async () => {
  const pool = fakePool({ execute: () => new Promise(() => {}) });
  await assert.rejects(createDatabase(pool, 20).execute('SELECT 1'), { status: 503, message: /within 20 ms/ });
  assert.deepEqual(pool.events.at(-1), ['destroy']);
});

test('a statement whose connection comes too late is never sent', async () => {
  let hand;
  const pool = fakePool({ getConnection: (connection) => new Promise((resolve) => { hand = () => resolve(connection); }) });
  await assert.rejects(createDatabase(pool, 20).execute('DELETE'), { status: 503 });
  hand();
  await new Promise(setImmediate);
  assert.deepEqual(pool.events, [['release']]);
});

test('closing closes the pool', async () => {
  const pool = fakePool({});
  await createDatabase(pool).close();
  assert.deepEqual(pool.events, [['end']]);
});
