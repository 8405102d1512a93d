// What both services hold a copy of stays one text: whoever mends it in one place is told of the other.
// A file that has to differ from now on leaves this list, in the commit that says why.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const COPIES = [
  '.dockerignore', 'Dockerfile', 'config.js', 'database.js', 'lifecycle.js', 'log.js', 'security.js', 'public/favicon.svg',
  'test/config.test.js', 'test/image.test.js', 'test/lifecycle.test.js',
];

for (const file of COPIES) {
  test(`customer and employee have the same ${file}`, () => {
    const text = (service) => readFileSync(new URL(`${service}/${file}`, import.meta.url), 'utf8');
    assert.equal(text('employee'), text('customer'));
  });
}

test('they install the same packages', () => {
  const packages = (service) => JSON.parse(readFileSync(new URL(`${service}/package-lock.json`, import.meta.url))).packages;
  const [{ '': mine, ...customer }, { '': other, ...employee }] = [packages('customer'), packages('employee')];
  assert.deepEqual(mine.dependencies, other.dependencies);
  assert.deepEqual(employee, customer);
});
