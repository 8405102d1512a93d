// For the office's own addresses, in HTTP/2 from the balancer: the rules let nobody else come as far as here.
const http2 = require('node:http2');
const { sheet } = require('./sheet.js');

const server = http2.createServer((request, response) => {
  if (request.url === '/office/alive.txt') return response.end('alive\n');
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.statusCode = request.url === '/office' || /^\/ledger-..\//.test(request.url) ? 200 : 404;
  response.end(sheet(response.statusCode === 200 ? 'Office' : 'Not here'));
});
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
