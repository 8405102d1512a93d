import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2';
import { migrate, readSettings } from '../schema.js';

const ENV = {
  DB_HOST: 'db',
  DB_ADMIN_USER: 'boss', DB_ADMIN_PASSWORD: 'a',
  DB_READER_USER: 'reader', DB_READER_PASSWORD: "r'\\ \"",
  DB_WRITER_USER: 'writer', DB_WRITER_PASSWORD: 'w',
};
const silent = { info: () => {} };

// Answers what a server would, and keeps each statement as it would go over the wire.
function fakeConnection({ lock = 1, filled = 0, partialRevokes } = {}) {
  const statements = [];
  const query = async (sql, values) => {
    statements.push(mysql.format(sql, values).replace(/\s+/g, ' '));
    if (sql.includes('GET_LOCK')) return [[{ granted: lock }]];
    if (sql.includes('partial_revokes')) return [partialRevokes ? [{ Value: partialRevokes }] : []];
    if (sql.includes('EXISTS (')) return [[{ filled }]];
    return [{}];
  };
  return { statements, query };
}

async function run(env = {}, args = [], server = {}) {
  const connection = fakeConnection(server);
  await migrate(connection, readSettings({ ...ENV, ...env }, args), silent);
  return connection.statements;
}

test('schema, then table, then users, every statement safe to repeat', async () => {
  const statements = await run();
  assert.deepEqual(statements.map((sql) => sql.split(/[ (]/).slice(0, 2).join(' ')), [
    'SET SESSION', 'SET SESSION', 'SELECT GET_LOCK', 'CREATE DATABASE', 'CREATE TABLE', 'SHOW VARIABLES',
    'CREATE USER', 'ALTER USER', 'GRANT SELECT', 'CREATE USER', 'ALTER USER', 'GRANT SELECT,',
  ]);
  for (const sql of statements.filter((one) => one.startsWith('CREATE'))) assert.match(sql, / IF NOT EXISTS /);
  assert.deepEqual(await run(), statements);
});

test('nothing is dropped, renamed, revoked or needs SUPER', async () => {
  const all = (await run({}, ['--sample-rows'])).join('\n');
  assert.doesNotMatch(all, /DROP|RENAME|REVOKE |TRUNCATE|DELETE FROM|MODIFY|GLOBAL|SUPER|DEFINER|\*\.\*/);
});

test('the table is the one that the services use, in words both servers know', async () => {
  const [table] = (await run()).filter((sql) => sql.startsWith('CREATE TABLE'));
  assert.match(table, /^CREATE TABLE IF NOT EXISTS `coffee`\.suppliers/);
  for (const column of ['name', 'address', 'city', 'state', 'email']) assert.match(table, new RegExp(`${column} VARCHAR\\(255\\) NOT NULL`));
  assert.match(table, /id INT NOT NULL AUTO_INCREMENT/);
  assert.match(table, /phone VARCHAR\(100\) NOT NULL/);
  assert.match(table, /ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4$/);
  assert.doesNotMatch(table, /0900/);
});

test('the reader may only select, the writer only change rows, both only over TLS', async () => {
  const statements = await run();
  assert.deepEqual(statements.filter((sql) => sql.startsWith('GRANT')), [
    "GRANT SELECT ON `coffee`.* TO 'reader'@'%'",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON `coffee`.* TO 'writer'@'%'",
  ]);
  const users = statements.filter((sql) => / USER /.test(sql));
  assert.equal(users.length, 4);
  for (const sql of users) assert.match(sql, / REQUIRE SSL$/);
});

test('a rotated password reaches an existing user, whatever characters it has', async () => {
  const statements = await run();
  assert.ok(statements.includes(`ALTER USER 'reader'@'%' IDENTIFIED BY 'r\\'\\\\ \\"' REQUIRE SSL`));
  assert.match(statements[0], /^SET SESSION sql_mode = '(?!.*NO_BACKSLASH_ESCAPES)/);
});

test('an underscore in the name never widens a grant', async () => {
  const grants = async (server) => (await run({ DB_NAME: 'coffee_shop' }, [], server)).filter((sql) => sql.startsWith('GRANT'));
  assert.match((await grants())[0], /ON `coffee\\_shop`\.\*/);
  assert.match((await grants({ partialRevokes: 'OFF' }))[0], /ON `coffee\\_shop`\.\*/);
  assert.match((await grants({ partialRevokes: 'ON' }))[0], /ON `coffee_shop`\.\*/);
});

test('sample rows only when asked for, and only into an empty table', async () => {
  const inserts = async (...call) => (await run(...call)).filter((sql) => sql.startsWith('INSERT')).length;
  assert.equal(await inserts(), 0);
  assert.equal(await inserts({}, ['--sample-rows']), 1);
  assert.equal(await inserts({ SAMPLE_ROWS: '1' }), 1);
  assert.equal(await inserts({ SAMPLE_ROWS: '1' }, [], { filled: 1 }), 0);
});

test('two migrations at a time: the second gives up', async () => {
  await assert.rejects(run({}, [], { lock: 0 }), /another migration/);
});

for (const [name, env, message] of [
  ['a missing password', { DB_READER_PASSWORD: '' }, /not set.*: DB_READER_PASSWORD$/],
  ['all that is missing at once', { DB_HOST: '', DB_ADMIN_USER: undefined }, /DB_HOST, DB_ADMIN_USER/],
  ['a database name that is SQL', { DB_NAME: 'x`; DROP' }, /DB_NAME is/],
  ['a user name that is SQL', { DB_READER_USER: "a'@'%" }, /DB_READER_USER is/],
  ['a user name that is too long', { DB_WRITER_USER: 'w'.repeat(33) }, /at most 32/],
  ['the admin as writer', { DB_WRITER_USER: 'boss' }, /DB_WRITER_USER and DB_ADMIN_USER are both "boss"/],
  ['one user for both', { DB_READER_USER: 'writer' }, /both "writer"/],
]) {
  test(`refused: ${name}`, () => assert.throws(() => readSettings({ ...ENV, ...env }, []), message));
}

test('refused: an unknown option', () => assert.throws(() => readSettings(ENV, ['--drop']), /--drop/));
