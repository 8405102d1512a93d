import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startMariadb } from '../mariadb.js';
import { amber, migrate, reader, startCustomer, startEmployee, writer } from '../shop.js';

let database;
before(async () => {
  database = await startMariadb();
  assert.equal((await migrate(database, { args: ['--sample-rows'] })).status, 0);
}, { timeout: 60_000 });
after(() => database?.end());

const ROW = "(name, address, city, state, email, phone) VALUES ('n', 'a', 'c', 's', 'e', 'p')";
const FORBIDDEN_TO_ALL = [
  'DROP TABLE coffee.suppliers',
  'TRUNCATE coffee.suppliers',
  'ALTER TABLE coffee.suppliers ADD COLUMN extra INT',
  'CREATE TABLE coffee.other (id INT)',
  'CREATE DATABASE other',
  'SELECT * FROM mysql.global_priv',
  `GRANT INSERT ON coffee.* TO ${reader.user}`,
  'CREATE USER intruder',
  "SELECT 'x' INTO OUTFILE '/tmp/coffee-must-not-be-there'",
];

for (const [who, account, forbidden] of [
  ['customer\'s', reader, [`INSERT INTO coffee.suppliers ${ROW}`, "UPDATE coffee.suppliers SET name = 'x'", 'DELETE FROM coffee.suppliers', ...FORBIDDEN_TO_ALL]],
  ['employee\'s', writer, FORBIDDEN_TO_ALL],
]) {
  for (const statement of forbidden) {
    test(`${who} user may not: ${statement}`, async () => {
      const connection = await database.connect(account);
      await assert.rejects(connection.query(statement), { code: /DENIED|CANT_CREATE_USER|ER_OPTION_PREVENTS/ });
      await connection.end();
    });
  }
}

test('employee\'s user may do the four things that it is for', async () => {
  const connection = await database.connect(writer);
  const [{ insertId }] = await connection.query(`INSERT INTO coffee.suppliers ${ROW}`);
  await connection.query("UPDATE coffee.suppliers SET name = 'x' WHERE id = ?", [insertId]);
  assert.equal((await connection.query('SELECT name FROM coffee.suppliers WHERE id = ?', [insertId]))[0][0].name, 'x');
  await connection.query('DELETE FROM coffee.suppliers WHERE id = ?', [insertId]);
  await connection.end();
});

test('nobody gets in without TLS: the server refuses it, and so do the users where a server forgets to', async (t) => {
  await database.asRoot("CREATE USER plain@'%' IDENTIFIED BY 'plain'");
  const plain = { user: 'plain', password: 'plain' };
  const withoutTls = (account) => database.connect(account, { ssl: undefined }).then((connection) => connection.end());
  const refused = { code: /^ER_(ACCESS_DENIED_ERROR|SECURE_TRANSPORT_REQUIRED)$/ };
  for (const account of [plain, reader, writer]) {
    await assert.rejects(withoutTls(account), refused);
    await (await database.connect(account)).end();
  }

  t.after(() => database.asRoot('SET GLOBAL require_secure_transport = ON'));
  await database.asRoot('SET GLOBAL require_secure_transport = OFF');
  await withoutTls(plain);
  for (const account of [reader, writer]) await assert.rejects(withoutTls(account), refused);
});

test('with the authorities of RDS a service does not trust this server: no data, and readiness says so', async (t) => {
  for (const [start, list, ready] of [
    [startCustomer, '/suppliers', '/ready'],
    [startEmployee, '/admin/suppliers', '/admin/ready'],
  ]) {
    const service = await start(t, database, { DB_CA: '' });
    assert.deepEqual([await service.status(list), await service.status(ready)], [503, 503]);
    assert.ok(service.lines.some((line) => line.code === 'HANDSHAKE_SSL_ERROR'), JSON.stringify(service.lines));
  }
});

test('a certificate for another name is not taken, though its authority is right', { timeout: 60_000 }, async (t) => {
  const elsewhere = await startMariadb({ certificateFor: 'elsewhere.example.com' });
  t.after(() => elsewhere.end());
  const customer = await startCustomer(t, elsewhere);
  assert.equal(await customer.status('/suppliers'), 503);
  assert.match(JSON.stringify(customer.lines), /localhost.* is not in the cert's altnames: DNS:elsewhere\.example\.com/);
});

test('statements of pages go out prepared', async (t) => {
  const executed = async () => Number((await database.asRoot("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0].Value);
  const employee = await startEmployee(t, database);
  const earlier = await executed();
  await employee.submit('/admin/supplier-add', amber);
  await employee.page('/admin/suppliers');
  assert.equal(await executed(), earlier + 2);
});
