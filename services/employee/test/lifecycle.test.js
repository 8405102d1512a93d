import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { serve } from '../lifecycle.js';

test('idle connections outlive the balancer\'s 60 seconds', (t) => {
  const server = serve({ app: () => {}, port: 0, log: pino({ level: 'silent' }), close: async () => {} });
  t.after(() => server.close());
  assert.equal(server.keepAliveTimeout, 65_000);
  assert.equal(server.headersTimeout, 66_000);
});
