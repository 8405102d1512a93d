// No pages at all: a health path, what its neighbour says, and one resource that only takes POST.
import { createServer } from 'node:http';

if (process.argv.includes('--prepare')) {
  console.log('prepared');
  process.exit(0);
}

const server = createServer(async (request, response) => {
  const known = request.url === '/v1/health' || (request.url === '/v1/jobs' && request.method === 'POST');
  if (request.url === '/v1/ink') {
    const left = await (await fetch('http://127.0.0.1:9100/')).text();
    response.setHeader('Content-Type', 'text/html');
    return response.end(`<!doctype html><html lang="en"><title>Ink</title><link rel="icon" href="data:,"><main><h1>Ink</h1><pre>${left}</pre></main></html>`);
  }
  response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ known }));
});
server.keepAliveTimeout = 65_000;
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
