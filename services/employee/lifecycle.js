// Serve until told to stop; then take no new connections, finish the open requests and leave with status 0.
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

// Fargate and Docker send SIGKILL some time after SIGTERM: be gone within 10 s.
const OPEN_REQUESTS_MS = 8000;
const CLOSE_MS = 1000;

export function serve({ app, port, log, close }) {
  const server = createServer(app);
  const endConnections = lastAnswers(server);
  // The balancer keeps idle connections for 60 s; closing one first would turn a request in flight into a 502.
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 66_000;
  server.listen(port, () => log.info({ port: server.address().port }, 'listening'));

  let stopping = false;
  const stop = async (signal) => {
    if (stopping) return;
    stopping = true;
    endConnections();
    const drained = drain(server);
    log.info({ signal }, 'stopping');
    await drained;
    await Promise.race([close(), delay(CLOSE_MS)]).catch((error) => log.warn({ message: error.message }, 'close failed'));
    log.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return server;
}

// Once told to, every answer says that it is the last of its connection, so that nobody sends another request there.
function lastAnswers(server) {
  const open = new Set();
  let last = false;
  server.prependListener('request', (req, res) => {
    if (last) res.setHeader('Connection', 'close');
    open.add(res);
    res.on('close', () => open.delete(res));
  });
  return () => {
    last = true;
    for (const res of open) if (!res.headersSent) res.setHeader('Connection', 'close');
  };
}

async function drain(server) {
  const closed = new Promise((resolve) => server.close(resolve));
  // A kept-alive connection becomes idle only after its last answer, so look again and again.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cutOff = setTimeout(() => server.closeAllConnections(), OPEN_REQUESTS_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(cutOff);
}
