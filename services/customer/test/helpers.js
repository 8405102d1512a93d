// An app on a free port with a repository in memory, and a way to run the real process without a database.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { createApp } from '../app.js';
import { DatabaseUnavailable } from '../database.js';

export const amber = {
  id: 7,
  name: 'Amber Roasters',
  address: '12 Harbour Street',
  city: 'Portland',
  state: 'Oregon',
  email: 'hello@amber.example.com',
  phone: '+1 (503) 555-0110',
};

export const healthy = (suppliers = [amber]) => ({ listSuppliers: async () => suppliers, ping: async () => [{ 1: 1 }] });

const away = async () => {
  throw new DatabaseUnavailable(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
};
export const down = () => ({ listSuppliers: away, ping: away });

// `lines` collects what the app logs.
export async function startApp(t, repository) {
  const lines = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line)) });
  const server = createServer(createApp({ repository, log })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const base = `http://127.0.0.1:${server.address().port}`;
  const get = (path, options) => fetch(base + path, { redirect: 'manual', ...options });
  return { base, get, lines };
}

export function startProcess(t, script, env, args = []) {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env: { PATH: process.env.PATH, ...env } });
  t.after(() => child.kill('SIGKILL'));
  const lines = [];
  const waiting = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop();
    lines.push(...texts.map((text) => JSON.parse(text)));
    for (const check of waiting) check();
  });
  const logged = (msg) =>
    new Promise((resolve) => {
      const check = () => {
        const line = lines.find((candidate) => candidate.msg === msg);
        if (line) resolve(line);
      };
      waiting.push(check);
      check();
    });
  const exited = once(child, 'close').then(([code]) => code);
  return { child, lines, logged, exited };
}
