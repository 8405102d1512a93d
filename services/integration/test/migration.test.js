import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { master, startMariadb } from '../mariadb.js';
import { amber, migrate, reader, writer } from '../shop.js';

let database;
before(async () => { database = await startMariadb(); }, { timeout: 60_000 });
after(() => database?.end());

beforeEach(() =>
  database.asRoot(
    'DROP DATABASE IF EXISTS coffee', 'DROP DATABASE IF EXISTS coffee_shop',
    `DROP USER IF EXISTS ${reader.user}`, `DROP USER IF EXISTS ${writer.user}`,
  ));

const count = async () => Number((await database.asRoot('SELECT COUNT(*) AS n FROM coffee.suppliers'))[0].n);
const snapshot = async () =>
  JSON.stringify([
    await database.asRoot('SHOW CREATE TABLE coffee.suppliers'),
    await database.asRoot(`SHOW GRANTS FOR ${reader.user}`),
    await database.asRoot(`SHOW GRANTS FOR ${writer.user}`),
    await database.asRoot('SELECT * FROM coffee.suppliers'),
  ]);

test('the master user of this test has no super rights', async () => {
  const connection = await database.connect(master);
  await assert.rejects(connection.query("SET GLOBAL sql_mode = ''"), { code: 'ER_SPECIFIC_ACCESS_DENIED_ERROR' });
  await connection.end();
});

test('makes database, table and users without super rights, and says so', async () => {
  const { status, lines } = await migrate(database);
  assert.equal(status, 0, JSON.stringify(lines));
  assert.deepEqual(lines.map((line) => line.msg), ['schema is there', 'users are there', 'migration done']);
  assert.equal(await count(), 0);
  assert.doesNotMatch(JSON.stringify(lines), / secret|m'/);
});

test('a second run changes nothing, and keeps what was written between', async () => {
  await migrate(database);
  const connection = await database.connect(writer, { database: 'coffee' });
  await connection.query('INSERT INTO suppliers SET ?', [amber]);
  await connection.end();
  const first = await snapshot();
  assert.equal((await migrate(database)).status, 0);
  assert.equal(await snapshot(), first);
  assert.equal(await count(), 1);
});

test('several at a time all succeed, one after the other', async () => {
  const runs = await Promise.all([migrate(database), migrate(database), migrate(database)]);
  assert.deepEqual(runs.map(({ status }) => status), [0, 0, 0]);
});

test('sample rows on request, once, and never between rows of others', async () => {
  assert.equal((await migrate(database, { args: ['--sample-rows'] })).status, 0);
  assert.equal(await count(), 3);
  assert.equal((await migrate(database, { env: { SAMPLE_ROWS: '1' } })).status, 0);
  assert.equal(await count(), 3);
});

test('a rotated password is the only one that works afterwards', async () => {
  await migrate(database);
  const rotated = { user: reader.user, password: 'rotated' };
  assert.equal((await migrate(database, { env: { DB_READER_PASSWORD: rotated.password } })).status, 0);
  await (await database.connect(rotated)).end();
  await assert.rejects(database.connect(reader), { code: 'ER_ACCESS_DENIED_ERROR' });
});

test('a table from before is kept with its rows', async () => {
  await database.asRoot(
    'CREATE DATABASE coffee CHARACTER SET utf8mb4',
    `CREATE TABLE coffee.suppliers (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL,
      address VARCHAR(255) NOT NULL, city VARCHAR(255) NOT NULL, state VARCHAR(255) NOT NULL,
      email VARCHAR(255) NOT NULL, phone VARCHAR(100) NOT NULL)`,
    "INSERT INTO coffee.suppliers VALUES (41, 'Old Mill', 'a', 'b', 'c', 'd@example.com', '12345')",
  );
  assert.equal((await migrate(database, { args: ['--sample-rows'] })).status, 0);
  assert.deepEqual((await database.asRoot('SELECT id, name FROM coffee.suppliers')).map((row) => ({ ...row })), [{ id: 41, name: 'Old Mill' }]);
});

test('an underscore in the name gives no right on a database of a similar name', async () => {
  await database.asRoot('CREATE DATABASE IF NOT EXISTS coffeeXshop', 'CREATE TABLE IF NOT EXISTS coffeeXshop.secrets (id INT)');
  assert.equal((await migrate(database, { env: { DB_NAME: 'coffee_shop' } })).status, 0);
  const connection = await database.connect(reader);
  await connection.query('SELECT * FROM coffee_shop.suppliers');
  await assert.rejects(connection.query('SELECT * FROM coffeeXshop.secrets'), { code: 'ER_TABLEACCESS_DENIED_ERROR' });
  await connection.end();
});

for (const [name, env, code] of [
  ['a wrong password', { DB_ADMIN_PASSWORD: 'wrong' }, 'ER_ACCESS_DENIED_ERROR'],
  ['an authority that did not sign', { DB_CA: '' }, 'HANDSHAKE_SSL_ERROR'],
]) {
  test(`${name} stops the release: status 1, one line, nothing made`, async () => {
    const { status, lines } = await migrate(database, { env });
    assert.equal(status, 1);
    assert.deepEqual(lines.map((line) => [line.msg, line.code]), [['migration failed', code]]);
    assert.deepEqual(await database.asRoot("SHOW DATABASES LIKE 'coffee'"), []);
  });
}

test('a master who may not make users fails half-way, says why, and the next run completes it', async () => {
  await database.asRoot(`REVOKE CREATE USER, INSERT ON *.* FROM ${master.user}`);
  const { status, lines } = await migrate(database);
  await database.asRoot(`GRANT CREATE USER, INSERT ON *.* TO ${master.user} WITH GRANT OPTION`);
  assert.equal(status, 1);
  assert.match(lines.at(-1).message, /CREATE USER/);
  assert.equal((await migrate(database)).status, 0);
});
