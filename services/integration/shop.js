// Both services as processes of their own, as a task would start them, and a visitor without JavaScript.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atExit } from './ending.js';
import { master } from './mariadb.js';

export const reader = { user: 'coffee_reader', password: 'first "\'\\ secret' };
export const writer = { user: 'coffee_writer', password: 'second #%& secret' };

const where = ({ host, port, ca }) => ({ DB_HOST: host, DB_PORT: String(port), DB_CA: ca, DB_NAME: 'coffee' });

const account = (who, { user, password }) => ({ [`DB_${who}_USER`]: user, [`DB_${who}_PASSWORD`]: password });

export const migrationEnvironment = (database, changes = {}) => ({
  ...where(database), ...account('ADMIN', master), ...account('READER', reader), ...account('WRITER', writer), ...changes,
});

// Runs the schema job to its end. Returns its exit status and its log lines.
export async function migrate(database, { args = [], env = {} } = {}) {
  const job = new Program('employee', ['migrate.js', ...args], migrationEnvironment(database, env));
  return { status: await job.exited, lines: job.lines };
}

export const startCustomer = (t, database, env = {}) => startService(t, 'customer', database, reader, env);
export const startEmployee = (t, database, env = {}) => startService(t, 'employee', database, writer, env);

async function startService(t, name, database, { user, password }, env) {
  const given = { ...where(database), DB_USER: user, DB_PASSWORD: password, PORT: '0', ...env };
  const service = new Program(name, ['index.js'], given);
  t.after(() => service.kill('SIGKILL'));
  service.base = `http://127.0.0.1:${(await service.logged('listening')).port}`;
  return service;
}

class Program {
  constructor(name, args, env) {
    const folder = fileURLToPath(new URL(`../${name}`, import.meta.url));
    if (!existsSync(`${folder}/node_modules`)) throw new Error(`${name} has no packages yet; run: npm --prefix services/${name} ci`);
    this.child = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env.PATH, ...env } });
    this.lines = [];
    this.errors = '';
    this.child.stderr.on('data', (chunk) => (this.errors += chunk));
    const forget = atExit(() => this.kill('SIGKILL'));
    this.exited = once(this.child, 'close').then(([status]) => (forget(), status));
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line));
      this.child.emit('logged');
    });
  }

  kill(signal) {
    this.child.kill(signal);
  }

  async logged(msg) {
    for (;;) {
      const line = this.lines.find((one) => one.msg === msg);
      if (line) return line;
      const ended = this.exited.then((status) => {
        throw new Error(`ended with ${status} before it logged "${msg}": ${JSON.stringify(this.lines)} ${this.errors}`);
      });
      await Promise.race([once(this.child, 'logged'), ended]);
    }
  }

  get(path, options) {
    return fetch(this.base + path, { redirect: 'manual', ...options });
  }

  async page(path) {
    const response = await this.get(path);
    return { status: response.status, html: await response.text() };
  }

  async status(path) {
    const response = await this.get(path);
    await response.arrayBuffer();
    return response.status;
  }

  // Opens the form for its cookie and token, fills it in and sends it.
  async submit(path, fields) {
    const form = await this.get('/admin/supplier-add');
    const cookie = form.headers.get('set-cookie').split(';')[0];
    const [, token] = /name="_csrf" value="([^"]+)"/.exec(await form.text());
    const body = new URLSearchParams({ ...fields, _csrf: token });
    const response = await this.get(path, { method: 'POST', body, headers: { cookie } });
    return { status: response.status, location: response.headers.get('location'), html: await response.text() };
  }
}

export const amber = {
  name: 'Amber Roasters',
  address: '12 Harbour Street',
  city: 'Portland',
  state: 'Oregon',
  email: 'hello@amber.example.com',
  phone: '+1 503 555 0110',
};

export const asHtml = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
