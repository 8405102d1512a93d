import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validate } from '../validation.js';
import { amber } from './helpers.js';

const messageFor = (field, value) => validate({ ...amber, [field]: value }).errors[field];

test('a good supplier has no errors', () => {
  const { valid, errors } = validate(amber);
  assert.equal(valid, true);
  assert.deepEqual(errors, {});
});

test('nothing at all has an error for every field', () => {
  for (const body of [undefined, {}]) {
    assert.deepEqual(Object.keys(validate(body).errors), ['name', 'address', 'city', 'state', 'email', 'phone']);
  }
});

for (const field of ['name', 'address', 'city', 'state']) {
  test(`${field}: not empty, at most 255 characters, one line, one value`, () => {
    assert.match(messageFor(field, ' \t '), /must not be empty/);
    assert.equal(messageFor(field, 'é'.repeat(255)), undefined);
    assert.equal(messageFor(field, '😀'.repeat(255)), undefined);
    assert.match(messageFor(field, 'x'.repeat(256)), /not be longer than 255/);
    assert.match(messageFor(field, 'a\nb'), /single line/);
    assert.match(messageFor(field, 'a\0b'), /single line/);
    assert.match(messageFor(field, ['a', 'b']), /must not be empty/);
    assert.equal(messageFor(field, "<b>'; DROP TABLE suppliers;--"), undefined);
  });
}

for (const good of ['+1 206 555 0100', '(206) 555-0100', '020 7946 0018', '+41 44 555 01 12', '206.555.0100', '555-0100 ext. 12', '55501']) {
  test(`"${good}" looks like a phone number`, () => assert.equal(messageFor('phone', good), undefined));
}

for (const bad of ['', 'call me', '1234', '+', '12345+6', '<script>', '1'.repeat(22), `1${' '.repeat(99)}2345`]) {
  test(`"${bad}" does not look like a phone number`, () => assert.match(messageFor('phone', bad), /^Phone must/));
}

for (const good of ['a@b.co', "o'brien+beans@sub.example.com", 'zoë@münchen.example', 'x@xn--mnchen-3ya.xn--p1ai']) {
  test(`"${good}" looks like an email address`, () => assert.equal(messageFor('email', good), undefined));
}

for (const bad of ['', 'a', 'a@b', '@b.co', 'a@b..co', 'a b@c.de', 'a@-b.co', '<a@b.co>', 'a@b.co\nBcc: x', `${'a'.repeat(250)}@b.com`]) {
  test(`"${bad.slice(0, 20)}" does not look like an email address`, () => assert.match(messageFor('email', bad), /^Email must/));
}

test('long and hostile input is judged quickly', () => {
  const began = performance.now();
  messageFor('email', `a@${'a-'.repeat(126)}`);
  messageFor('phone', `1${' '.repeat(98)}x`);
  messageFor('email', `a@${'a.'.repeat(1_000_000)}`);
  assert.ok(performance.now() - began < 1000);
});
