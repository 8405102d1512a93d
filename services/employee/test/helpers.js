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

// A repository in memory. `calls` names every write that reached it.
export function healthy(suppliers = [amber]) {
  const calls = [];
  return {
    calls,
    listSuppliers: async () => suppliers,
    findSupplier: async (id) => suppliers.find((supplier) => supplier.id === id),
    addSupplier: async (supplier) => void calls.push(['add', supplier]),
    updateSupplier: async (id, supplier) => (calls.push(['update', id, supplier]), suppliers.some((one) => one.id === id)),
    removeSupplier: async (id) => void calls.push(['remove', id]),
    ping: async () => [{ 1: 1 }],
  };
}

const away = async () => {
  throw new DatabaseUnavailable(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
};
export const down = () => Object.fromEntries(Object.keys(healthy()).map((name) => [name, away]));

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
  return { base, get, lines, ...visitor(base) };
}

// A browser of sorts: opens the form for its cookie and token, then posts.
function visitor(base) {
  const post = (path, fields, headers = {}) =>
    fetch(base + path, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields), headers });
  const open = async () => {
    const response = await fetch(`${base}/admin/supplier-add`);
    const cookie = response.headers.get('set-cookie').split(';')[0];
    return { cookie, token: /name="_csrf" value="([^"]+)"/.exec(await response.text())[1] };
  };
  const submit = async (path, fields, headers = {}) => {
    const { cookie, token } = await open();
    return post(path, { ...fields, _csrf: token }, { cookie, ...headers });
  };
  return { post, open, submit };
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
