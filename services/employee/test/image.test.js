import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the image runs as a plain user, starts node itself, and holds no tests', () => {
  const dockerfile = read('Dockerfile');
  assert.match(dockerfile, /^USER 1000:1000$/m);
  assert.match(dockerfile, /^CMD \["node","index\.js"\]$/m);
  assert.ok(read('.dockerignore').split('\n').includes('test'));
});

test('the Dockerfile keeps to what every builder understands', () => {
  assert.doesNotMatch(read('Dockerfile'), /<<|--link|--mount|@sha256|\bapk\b|adduser/);
});

test('the lock file names packages and their hashes, not where one machine found them', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  for (const [name, entry] of Object.entries(packages)) {
    assert.equal(entry.resolved, undefined, name);
    if (name) assert.match(entry.integrity, /^sha512-/, name);
  }
});
