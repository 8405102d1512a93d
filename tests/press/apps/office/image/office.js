// For the office's own addresses: the rules let nobody else come as far as here.
const http = require('node:http');
const { sheet } = require('./sheet.js');

const server = http.createServer((request, response) => {
  if (request.url === '/office/alive.txt') return response.end('alive\n');
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.statusCode = request.url === '/office' || /^\/ledger-..\//.test(request.url) ? 200 : 404;
  response.end(sheet(response.statusCode === 200 ? 'Office' : 'Not here'));
});
server.keepAliveTimeout = 65_000;
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
