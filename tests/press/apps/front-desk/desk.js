// Answers by host: one page, and what it was given as environment. It writes each visit to its only writable folder.
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const http = require('node:http');

const spool = '/var/spool/desk/visits';
writeFileSync(spool, '');

const failsToWrite = (file) => {
  try {
    writeFileSync(file, '');
    return false;
  } catch {
    return true;
  }
};

// Says what is so, so that a visitor can see that the task is as it was described.
const about = {
  greeting: process.env.GREETING,
  site: process.env.SITE,
  token: process.env.TOKEN,
  seal: process.env.SEAL,
  user: process.getuid(),
  isReadOnly: failsToWrite('/srv/here') && failsToWrite('/tmp/here'),
};

const page = (title, body) =>
  `<!doctype html><html lang="en"><title>${title}</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">` +
  `<style>pre { white-space: pre-wrap; overflow-wrap: anywhere; }</style><main><h1>${title}</h1>${body}</main></html>`;

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://desk');
  if (pathname === '/up') return response.end('up\n');
  appendFileSync(spool, `${pathname}\n`);
  if (pathname === '/about') {
    const told = JSON.stringify({ ...about, visits: readFileSync(spool, 'utf8').split('\n').length - 1 });
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    return response.end(page('About', `<pre>${told.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</pre>`));
  }
  if (pathname !== '/') {
    response.statusCode = 404;
    return response.end('nothing here\n');
  }
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(page('Desk', '<p><a href="/about">about</a></p>'));
});
server.keepAliveTimeout = 65_000;
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
