import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProcess } from './helpers.js';

const ENV = {
  DB_HOST: '127.0.0.1', DB_PORT: '1',
  DB_ADMIN_USER: 'boss', DB_ADMIN_PASSWORD: 'admin-secret',
  DB_READER_USER: 'reader', DB_READER_PASSWORD: 'reader-secret',
  DB_WRITER_USER: 'writer', DB_WRITER_PASSWORD: 'writer-secret',
};

async function run(t, env, args) {
  const { exited, lines } = startProcess(t, 'migrate.js', env, args);
  return { code: await exited, lines };
}

for (const [name, env, args, message] of [
  ['no database', ENV, [], /ECONNREFUSED/],
  ['no environment', {}, [], /DB_HOST/],
  ['an unknown option', ENV, ['--drop'], /--drop/],
  ['a secret in the message', { ...ENV, DB_READER_USER: 'reader-secret' }, [], /DB_READER_USER is "\*\*\*"/],
]) {
  test(`${name}: one line that says why, and a status that is not 0`, { timeout: 20_000 }, async (t) => {
    const { code, lines } = await run(t, env, args);
    assert.equal(code, 1);
    assert.equal(lines.length, 1);
    assert.deepEqual([lines[0].level, lines[0].msg], ['fatal', 'migration failed']);
    assert.match(lines[0].message, message);
    assert.doesNotMatch(JSON.stringify(lines), /-secret/);
  });
}
