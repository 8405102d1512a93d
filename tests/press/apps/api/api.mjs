// No pages of HTML but two: a health path, what its neighbour says, the books that are bound, and jobs for the binder.
import { createServer } from 'node:http';

if (process.argv.includes('--prepare')) {
  console.log('prepared');
  process.exit(0);
}

const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs');
const { pool } = await import('./database.mjs');

const sqs = new SQSClient();
const books = pool();
const page = (title, text) =>
  `<!doctype html><html lang="en"><title>${title}</title><link rel="icon" href="data:,"><main><h1>${title}</h1><pre>${text}</pre></main></html>`;

const bind = async (request) => {
  let body = '';
  for await (const piece of request) body += piece;
  await sqs.send(new SendMessageCommand({ QueueUrl: process.env.BINDER_QUEUE_URL, MessageBody: body }));
  return [202, 'application/json', JSON.stringify({ known: true })];
};

const answer = async (request) => {
  if (request.url === '/v1/ink') {
    const left = await (await fetch('http://127.0.0.1:9100/')).text();
    return [200, 'text/html', page('Ink', left)];
  }
  if (request.url === '/v1/books') {
    const { rows } = await books.query('SELECT title FROM books ORDER BY id');
    return [200, 'text/html', page('Books', rows.map(({ title }) => encodeURIComponent(title)).join('\n'))];
  }
  if (request.url === '/v1/jobs' && request.method === 'POST') return bind(request);
  const known = request.url === '/v1/health';
  return [known ? 200 : 404, 'application/json', JSON.stringify({ known })];
};

const server = createServer(async (request, response) => {
  const [status, type, text] = await answer(request).catch((error) => [500, 'text/plain', `${error.message}\n`]);
  response.writeHead(status, { 'Content-Type': type });
  response.end(text);
});
server.keepAliveTimeout = 65_000;
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
