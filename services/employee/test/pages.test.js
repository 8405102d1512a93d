import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, healthy, startApp } from './helpers.js';

const PAGES = ['/admin', '/admin/', '/admin/suppliers', '/admin/supplier-add', '/admin/supplier-update/7'];

for (const path of PAGES) {
  test(`GET ${path} answers 200, and all it points to is under /admin`, async (t) => {
    const { get } = await startApp(t, healthy());
    const response = await get(path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    const html = await response.text();
    const targets = [...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map((match) => match[1]);
    assert.ok(targets.length > 5);
    for (const target of targets) assert.match(target, /^(\/admin($|\/)|#)/);
    assert.doesNotMatch(html, /<script/);
  });
}

for (const path of PAGES) {
  test(`what GET ${path} points to is there`, async (t) => {
    const { get } = await startApp(t, healthy());
    const html = await (await get(path)).text();
    for (const [, target] of html.matchAll(/href="(\/[^"]*)"/g)) assert.equal((await get(target)).status, 200, target);
  });
}

test('the list shows every supplier with a link to edit it', async (t) => {
  const { get } = await startApp(t, healthy([amber, { ...amber, id: 8, name: 'Second Cup' }]));
  const html = await (await get('/admin/suppliers')).text();
  for (const [field, value] of Object.entries(amber)) if (field !== 'id') assert.ok(html.includes(value), field);
  assert.match(html, /href="\/admin\/supplier-update\/7"/);
  assert.match(html, /href="\/admin\/supplier-update\/8"/);
});

test('the edit form holds what is stored, and a way to remove it', async (t) => {
  const { get } = await startApp(t, healthy());
  const html = await (await get('/admin/supplier-update/7')).text();
  for (const [field, value] of Object.entries(amber)) assert.match(html, new RegExp(`name="${field}"[^>]* value="`), field, value);
  assert.ok(html.includes(`value="${amber.phone}"`));
  assert.match(html, /method="post" action="\/admin\/supplier-remove\/7"/);
});

for (const [method, path] of [
  ['GET', '/'],
  ['GET', '/suppliers'],
  ['GET', '/administrator'],
  ['GET', '/health'],
  ['GET', '/supplier-add'],
  ['POST', '/supplier-add'],
  ['POST', '/admin/suppliers'],
  ['GET', '/admin/supplier-remove/7'],
  ['GET', '/admin/supplier-update/99'],
  ['GET', '/admin/supplier-update/7%20OR%201=1'],
  ['GET', '/admin/supplier-update/99999999999'],
  ['GET', '/admin/nothing'],
  ['GET', '/admin/assets/%2e%2e/package.json'],
]) {
  test(`${method} ${path} is the 404 page`, async (t) => {
    const { get } = await startApp(t, healthy());
    const response = await get(path, { method });
    assert.equal(response.status, 404);
    assert.match(await response.text(), /<title>Page not found – Manage coffee suppliers<\/title>/);
  });
}

test('HTML in any field is text, in the list and in the form', async (t) => {
  const nasty = `"><script>alert("1")</script>' onload='`;
  const fields = Object.fromEntries(Object.keys(amber).map((field) => [field, field === 'id' ? 7 : nasty]));
  const { get } = await startApp(t, healthy([fields]));
  for (const path of ['/admin/suppliers', '/admin/supplier-update/7']) {
    const html = await (await get(path)).text();
    assert.doesNotMatch(html, /<script/);
    assert.doesNotMatch(html, /' onload='/);
    assert.ok(html.match(/&lt;script&gt;/g).length >= 6);
  }
});

test('every input has a label, and pages are fit for keyboard and phone', async (t) => {
  const { get } = await startApp(t, healthy());
  const html = await (await get('/admin/supplier-add')).text();
  for (const [, id] of html.matchAll(/<input id="(\w+)"/g)) assert.match(html, new RegExp(`<label for="${id}">`));
  assert.equal(html.match(/<input id=/g).length, 6);
  assert.match(html, /<html lang="en">/);
  assert.match(html, /name="viewport"/);
  assert.match(html, /class="skip" href="#main"/);
});
