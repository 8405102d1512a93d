import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amber, healthy, startApp } from './helpers.js';

test('the home page answers 200 and leads to the list and to the administration', async (t) => {
  const { get } = await startApp(t, healthy());
  const response = await get('/');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/html/);
  const html = await response.text();
  assert.match(html, /href="\/suppliers"/);
  assert.match(html, /href="\/admin\/suppliers"/);
});

test('the list shows every field of every supplier', async (t) => {
  const { get } = await startApp(t, healthy([amber, { ...amber, id: 8, name: 'Second Cup' }]));
  const response = await get('/suppliers');
  assert.equal(response.status, 200);
  const html = await response.text();
  for (const [field, value] of Object.entries(amber)) if (field !== 'id') assert.ok(html.includes(value), field);
  assert.ok(html.includes('Second Cup'));
  assert.match(html, /href="tel:\+15035550110"/);
  assert.match(html, /href="mailto:hello@amber\.example\.com"/);
});

test('an empty list says so', async (t) => {
  const { get } = await startApp(t, healthy([]));
  assert.match(await (await get('/suppliers')).text(), /no suppliers yet/);
});

test('a list that was cut off says so', async (t) => {
  const { get } = await startApp(t, healthy(Array.from({ length: 1000 }, () => amber)));
  assert.match(await (await get('/suppliers')).text(), /Only the first 1000/);
});

test('there is no way to edit: no such link, no form, no script', async (t) => {
  const { get } = await startApp(t, healthy());
  for (const path of ['/', '/suppliers']) {
    const html = await (await get(path)).text();
    assert.doesNotMatch(html, /supplier-(add|update|remove)/);
    assert.doesNotMatch(html, /<form|<script/);
  }
});

for (const [method, path] of [
  ['GET', '/supplier-add'],
  ['POST', '/supplier-add'],
  ['GET', '/supplier-update/7'],
  ['POST', '/supplier-update'],
  ['POST', '/supplier-remove/7'],
  ['POST', '/suppliers'],
  ['PUT', '/suppliers'],
  ['DELETE', '/suppliers'],
  ['POST', '/'],
  ['GET', '/supplier'],
  ['GET', '/admin'],
  ['GET', '/administrator'],
  ['GET', '/assets/customer/nothing.css'],
  ['GET', '/assets/customer/%2e%2e/package.json'],
  ['GET', '/assets/customer/%E0%A4%A'],
]) {
  test(`${method} ${path} is the 404 page`, async (t) => {
    const { get } = await startApp(t, healthy());
    const response = await get(path, { method });
    assert.equal(response.status, 404);
    assert.match(await response.text(), /<title>Page not found – Coffee suppliers<\/title>/);
  });
}

test('HTML in any field is text', async (t) => {
  const nasty = `<script>alert("1")</script>' onload='`;
  const fields = Object.fromEntries(Object.keys(amber).map((field) => [field, field === 'id' ? 7 : nasty]));
  const { get } = await startApp(t, healthy([fields]));
  const html = await (await get('/suppliers')).text();
  assert.doesNotMatch(html, /<script/);
  assert.doesNotMatch(html, /' onload='/);
  assert.equal(html.match(/&lt;script&gt;/g).length, 6);
});

test('style sheet and icon are served under the prefix of this service, and only there', async (t) => {
  const { get } = await startApp(t, healthy());
  const html = await (await get('/')).text();
  const assets = [...html.matchAll(/<link[^>]* href="([^"]+)"/g)].map((match) => match[1]);
  assert.equal(assets.length, 2);
  for (const path of assets) {
    assert.match(path, /^\/assets\/customer\//);
    const response = await get(path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('cache-control'), /max-age=3600/);
  }
});

test('pages are fit for keyboard, phone and screen reader', async (t) => {
  const { get } = await startApp(t, healthy());
  const html = await (await get('/suppliers')).text();
  assert.match(html, /<html lang="en">/);
  assert.match(html, /name="viewport"/);
  assert.match(html, /class="skip" href="#main"/);
  assert.match(html, /<main id="main"/);
  assert.match(html, /aria-current="page">Suppliers list/);
  assert.match(html, /<th scope="col">/);
});
