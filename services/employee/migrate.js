// Run once before each release, in this image: node migrate.js [--sample-rows]. It alone knows the admin's password.
import mysql from 'mysql2/promise';
import { readConfig } from './config.js';
import { createLog } from './log.js';
import { migrate, readSettings } from './schema.js';

const log = createLog('employee-migration');
const { env } = process;
let connection;

try {
  const settings = readSettings(env, process.argv.slice(2));
  const { host, port, ssl } = readConfig(env).database;
  const [user, password] = [env.DB_ADMIN_USER, env.DB_ADMIN_PASSWORD];
  connection = await mysql.createConnection({ host, port, user, password, ssl, charset: 'utf8mb4', connectTimeout: 10_000 });
  await migrate(connection, settings, log);
  log.info('migration done');
} catch (error) {
  // Code and message only: the error also carries the statement, and with it a password.
  log.fatal({ code: error.code, message: withoutSecrets(error.message) }, 'migration failed');
  process.exitCode = 1;
} finally {
  connection?.destroy();
}

function withoutSecrets(message) {
  const secrets = ['ADMIN', 'READER', 'WRITER'].map((who) => env[`DB_${who}_PASSWORD`]).filter(Boolean);
  return secrets.reduce((text, secret) => text.replaceAll(secret, '***'), message);
}
