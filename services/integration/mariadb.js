// A real MariaDB for a while: on loopback, in a temporary folder, TLS required by an authority of its own.
// As a program (`npm run database`) it prints what the services need as environment and runs until it is told to stop.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { atExit } from './ending.js';

const START_MS = 30_000;
const STOP_MS = 20_000;

// The server's programs are in a folder that only root has in its PATH.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
const execute = promisify(execFile);

// What the master user of RDS may do: nearly everything, but nothing that needs SUPER.
const MASTER_RIGHTS = `SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER,
  SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE,
  CREATE USER, EVENT, TRIGGER`;

export const master = { user: 'master', password: "m'\\ \"é" };

// Listens as localhost; its certificate may be for another name. `asRoot` of the answer runs what no service may.
export async function startMariadb({ port, certificateFor = 'localhost' } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'coffee-mariadb-'));
  const server = new Mariadb(folder, port ?? (await freePort()));
  try {
    await server.prepare(certificateFor);
    await server.start();
    await server.asRoot(...admission());
  } catch (error) {
    await server.end();
    throw error;
  }
  return server;
}

function admission() {
  const { user, password } = master;
  const account = `${mysql.escape(user)}@'%'`;
  return [
    `CREATE USER ${account} IDENTIFIED BY ${mysql.escape(password)} REQUIRE SSL`,
    `GRANT ${MASTER_RIGHTS} ON *.* TO ${account} WITH GRANT OPTION`,
  ];
}

class Mariadb {
  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
    this.host = 'localhost';
    this.ca = join(folder, 'ca.pem');
    this.socket = join(folder, 'server.sock');
    this.forget = atExit(() => {
      if (this.running) this.child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true, maxRetries: 8, retryDelay: 100 });
    });
  }

  async prepare(name) {
    await makeCertificates(this.folder, name);
    await mkdir(join(this.folder, 'data'));
    // Started by root, MariaDB wants to become somebody else, who then owns the folder.
    this.as = process.getuid() === 0 ? ['--user=mysql'] : [];
    if (this.as.length > 0) await give(this.folder, 'mysql');
    const options = [`--datadir=${this.folder}/data`, '--auth-root-authentication-method=normal', '--skip-test-db'];
    await install(['--no-defaults', ...this.as, ...options]);
  }

  get running() {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  async start() {
    if (this.running) return;
    const { folder } = this;
    this.child = spawn(
      'mariadbd',
      [
        '--no-defaults', ...this.as, `--datadir=${folder}/data`, `--socket=${this.socket}`, `--port=${this.port}`,
        `--pid-file=${folder}/server.pid`, '--bind-address=127.0.0.1', '--skip-name-resolve',
        '--require-secure-transport=ON', '--tls-version=TLSv1.2,TLSv1.3', `--ssl-ca=${this.ca}`,
        `--ssl-cert=${folder}/server.pem`, `--ssl-key=${folder}/server.key`, '--character-set-server=utf8mb4',
        '--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=2', `--log-error=${folder}/server.log`,
      ],
      { env, stdio: 'ignore' },
    );
    this.ended = once(this.child, 'close');
    this.ended.catch(() => {}); // a program that is not there: asked for below
    await this.answering();
  }

  async answering() {
    const until = Date.now() + START_MS;
    for (;;) {
      try {
        return await this.asRoot('SELECT 1');
      } catch (error) {
        if (Date.now() > until || !this.running) {
          const log = await readFile(join(this.folder, 'server.log'), 'utf8').catch(() => 'it wrote no log');
          throw new Error(`MariaDB does not start (${error.message}). Its log:\n${log.slice(-2000)}`);
        }
        await delay(50);
      }
    }
  }

  // Returns the rows of the last statement.
  async asRoot(...statements) {
    const connection = await mysql.createConnection({ socketPath: this.socket, user: 'root', charset: 'utf8mb4' });
    try {
      let rows;
      for (const statement of statements) [rows] = await connection.query(statement);
      return rows;
    } finally {
      connection.destroy();
    }
  }

  // Over TLS and checked, as a service comes.
  async connect({ user, password }, options = {}) {
    const ssl = { ca: await readFile(this.ca, 'utf8'), verifyIdentity: true };
    return mysql.createConnection({ host: this.host, port: this.port, user, password, ssl, charset: 'utf8mb4', ...options });
  }

  freeze() {
    this.child.kill('SIGSTOP');
  }

  thaw() {
    this.child.kill('SIGCONT');
  }

  async stop() {
    if (!this.running) return;
    this.thaw();
    this.child.kill('SIGTERM');
    const killer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await this.ended;
    clearTimeout(killer);
  }

  async end() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
    this.forget();
  }
}

// A script that starts servers of its own: a group, so that all of it ends when we do.
async function install(args) {
  const child = spawn('mariadb-install-db', args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const forget = atExit(() => process.kill(-child.pid, 'SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const [status] = await once(child, 'close').catch(explain).finally(forget);
  if (status !== 0) throw new Error(`mariadb-install-db ended with ${status}: ${said.slice(-2000)}`);
}

async function makeCertificates(folder, name) {
  const openssl = (...args) => execute('openssl', args, { cwd: folder, env }).catch(explain);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await writeFile(join(folder, 'names'), `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth\n`);
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Coffee test authority');
  await openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', `/CN=${name}`);
  const signedBy = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl('x509', '-req', '-in', 'server.csr', ...signedBy, '-days', '2', '-extfile', 'names', '-out', 'server.pem');
}

async function give(folder, user) {
  const { stdout } = await execute('id', ['-u', user]).catch(explain);
  for (const path of ['', ...(await readdir(folder))]) await chown(join(folder, path), Number(stdout), -1);
}

function explain(error) {
  const hint = error.code === 'ENOENT' ? '; on Debian: apt-get install mariadb-server openssl' : '';
  throw new Error(`${error.message}${hint}`, { cause: error });
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

async function main() {
  const { values } = parseArgs({ options: { port: { type: 'string' } } });
  if (values.port !== undefined && !/^[1-9]\d{0,4}$/.test(values.port)) throw new Error(`--port ${values.port}: a port is a whole number up to 65535`);
  const server = await startMariadb({ port: values.port && Number(values.port) });
  const given = {
    DB_HOST: server.host, DB_PORT: server.port, DB_CA: server.ca,
    DB_ADMIN_USER: master.user, DB_ADMIN_PASSWORD: master.password,
  };
  for (const [key, value] of Object.entries(given)) console.log(`export ${key}='${String(value).replaceAll("'", "'\\''")}'`);
  console.error(`MariaDB runs as process ${server.child.pid}; end it with Ctrl-C`);
  await server.ended;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main().catch((error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}
