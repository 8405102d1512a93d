// Beside each task of the api: tells how much ink is left, on localhost alone.
import { createServer } from 'node:http';

const server = createServer((request, response) => response.end('42'));
server.listen(9100, '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
