import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { startProcess } from './helpers.js';

const LIMIT = { timeout: 20_000 };

test('without a database the process starts, answers, and stops with status 0', LIMIT, async (t) => {
  const { child, logged, exited, lines } = startProcess(t, 'index.js', { PORT: '0', DB_HOST: '127.0.0.1', DB_PORT: '1' });
  const { port } = await logged('listening');
  const status = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  assert.deepEqual(
    [await status('/health'), await status('/'), await status('/suppliers'), await status('/ready')],
    [200, 200, 503, 503],
  );
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
  assert.equal(lines.at(-1).msg, 'stopped');
});

test('SIGTERM: no new connections, the open request is finished, then status 0', LIMIT, async (t) => {
  // Takes connections and says nothing, so that the request stays open until we let go.
  const silent = net.createServer().listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const { child, logged, exited } = startProcess(t, 'index.js', {
    PORT: '0', DB_HOST: '127.0.0.1', DB_PORT: String(silent.address().port),
  });
  const { port } = await logged('listening');

  const answer = fetch(`http://127.0.0.1:${port}/suppliers`);
  const [toDatabase] = await once(silent, 'connection');
  const began = Date.now();
  child.kill('SIGTERM');
  await logged('stopping');
  await assert.rejects(once(net.connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  toDatabase.destroy();

  const response = await answer;
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('connection'), 'close');
  assert.match(await response.text(), /<\/html>/);
  assert.equal(await exited, 0);
  // The client's idle connection was closed at once, not waited for until the cut-off.
  assert.ok(Date.now() - began < 5_000);
});

test('a wrong environment ends the process at once with a line that says why', LIMIT, async (t) => {
  const { exited, lines } = startProcess(t, 'index.js', { PORT: 'eighty' });
  assert.equal(await exited, 1);
  assert.deepEqual([lines.length, lines[0].level], [1, 'fatal']);
  assert.match(lines[0].message, /PORT is "eighty"/);
});
