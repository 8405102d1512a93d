// No pages at all: a health path, and one resource that only takes POST.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const known = request.url === '/v1/health' || (request.url === '/v1/jobs' && request.method === 'POST');
  response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ known }));
});
server.keepAliveTimeout = 65_000;
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
