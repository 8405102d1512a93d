import assert from 'node:assert/strict';
import { test } from 'node:test';
import { down, healthy, startApp } from './helpers.js';

test('headers forbid scripts and frames, and nothing names the framework', async (t) => {
  const { get } = await startApp(t, healthy());
  const { headers } = await get('/');
  assert.match(headers.get('content-security-policy'), /default-src 'none'/);
  assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('x-powered-by'), null);
});

test('nothing sends a visitor of a plain HTTP listener to HTTPS', async (t) => {
  const { get } = await startApp(t, healthy());
  const { headers } = await get('/');
  assert.doesNotMatch(headers.get('content-security-policy'), /upgrade-insecure-requests/);
  assert.equal(headers.get('strict-transport-security'), null);
});

test('a request is one log line with its id, which the visitor sees too', async (t) => {
  const { get, lines } = await startApp(t, healthy());
  const response = await get('/suppliers?q=secret');
  await response.text();
  const [line] = lines.filter((candidate) => candidate.path === '/suppliers');
  assert.equal(line.requestId, response.headers.get('x-request-id'));
  assert.deepEqual([line.method, line.status, line.finished], ['GET', 200, true]);
  assert.doesNotMatch(JSON.stringify(lines), /secret/);
});

test('the balancer\'s trace id is taken over, anything odd is replaced', async (t) => {
  const { get } = await startApp(t, healthy());
  const trace = 'Root=1-67891233-abcdef012345678912345678';
  const taken = await get('/', { headers: { 'x-amzn-trace-id': trace } });
  assert.equal(taken.headers.get('x-request-id'), trace);
  const replaced = await get('/', { headers: { 'x-amzn-trace-id': '<b>x</b>' } });
  assert.match(replaced.headers.get('x-request-id'), /^[0-9a-f-]{36}$/);
});

test('health checks are logged at debug only', async (t) => {
  const { get, lines } = await startApp(t, healthy());
  await (await get('/health')).text();
  assert.deepEqual(lines.map((line) => line.level), [20]);
});

test('with the database away the list is a friendly 503, the home page stays', async (t) => {
  const { get, lines } = await startApp(t, down());
  const list = await get('/suppliers');
  assert.equal(list.status, 503);
  assert.equal(list.headers.get('retry-after'), '30');
  const html = await list.text();
  assert.match(html, /Back in a moment/);
  assert.doesNotMatch(html, /ECONNREFUSED/);
  assert.ok(lines.some((line) => line.code === 'ECONNREFUSED' && line.requestId === list.headers.get('x-request-id')));
  assert.equal((await get('/')).status, 200);
});

test('with the database away health stays shallow and readiness says so', async (t) => {
  const { get } = await startApp(t, down());
  const health = await get('/health');
  assert.equal(health.status, 200);
  assert.deepEqual(await health.json(), { status: 'ok', service: 'customer' });
  const ready = await get('/ready');
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { status: 'unavailable' });
});

test('health never asks the database, readiness does', async (t) => {
  let pings = 0;
  const { get } = await startApp(t, { ...healthy(), ping: async () => void pings++ });
  assert.equal((await get('/health')).status, 200);
  assert.equal(pings, 0);
  assert.equal((await get('/ready')).status, 200);
  assert.equal(pings, 1);
});

test('a mistake of ours is a 500 without its details', async (t) => {
  const broken = { ...healthy(), listSuppliers: async () => { throw new TypeError('inner workings'); } };
  const { get } = await startApp(t, broken);
  const response = await get('/suppliers');
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /inner workings/);
});
