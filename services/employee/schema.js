// The database as this release needs it: schema, table, and one user each for reading and writing.
// Every statement may run again. Changes only ever add: the previous release still runs beside this one, and a
// roll-back of the release does not undo them. A column that goes away goes two releases later.
import { parseArgs } from 'node:util';
import { sampleRows } from './sample-rows.js';

const HOST = '%'; // who may connect at all is decided by the security groups

export function readSettings(env, args) {
  const { values } = parseArgs({ args, options: { 'sample-rows': { type: 'boolean', default: false } } });
  const required = ['DB_HOST', ...['ADMIN', 'READER', 'WRITER'].flatMap((who) => [`DB_${who}_USER`, `DB_${who}_PASSWORD`])];
  const missing = required.filter((name) => !env[name]);
  if (missing.length > 0) throw new Error(`not set in the environment: ${missing.join(', ')}`);
  return {
    name: identifier('DB_NAME', env.DB_NAME || 'coffee', 64),
    reader: account(env, 'READER'),
    writer: account(env, 'WRITER'),
    sampleRows: values['sample-rows'] || env.SAMPLE_ROWS === '1',
  };
}

function account(env, who) {
  const user = identifier(`DB_${who}_USER`, env[`DB_${who}_USER`], 32);
  const others = ['ADMIN', 'READER', 'WRITER'].filter((other) => other !== who);
  const same = others.find((other) => env[`DB_${other}_USER`] === user);
  if (same) throw new Error(`DB_${who}_USER and DB_${same}_USER are both "${user}": each needs a user of its own`);
  return { user, password: env[`DB_${who}_PASSWORD`] };
}

function identifier(variable, value, max) {
  if (/^[A-Za-z][A-Za-z0-9_]*$/.test(value) && value.length <= max) return value;
  throw new Error(`${variable} is "${value}": use a letter, then letters, digits and _, at most ${max} in all`);
}

export async function migrate(connection, { name, reader, writer, sampleRows: wanted }, log) {
  const query = async (sql, values = []) => (await connection.query(sql, values))[0];

  // mysql2 escapes with backslashes, so a server default of NO_BACKSLASH_ESCAPES must not hold here.
  await query("SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'");
  // Rather fail than wait for a table with every reader queueing behind: MySQL's own limit is a year.
  await query('SET SESSION lock_wait_timeout = 30');
  const [{ granted }] = await query("SELECT GET_LOCK('coffee-migration', 60) AS granted");
  if (Number(granted) !== 1) throw new Error('another migration has been running for a minute');

  await query('CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4', [name]);
  await query(SUPPLIERS, [name]);
  log.info({ database: name, table: 'suppliers' }, 'schema is there');

  const grantee = await grantName(query, name);
  await ensureUser(query, reader, 'SELECT', grantee);
  await ensureUser(query, writer, 'SELECT, INSERT, UPDATE, DELETE', grantee);
  log.info({ reader: reader.user, writer: writer.user }, 'users are there');

  if (wanted) log.info({ rows: await insertSampleRows(query, name) }, 'sample rows inserted');
}

const SUPPLIERS = `CREATE TABLE IF NOT EXISTS ??.suppliers (
  id INT NOT NULL AUTO_INCREMENT,
  name VARCHAR(255) NOT NULL,
  address VARCHAR(255) NOT NULL,
  city VARCHAR(255) NOT NULL,
  state VARCHAR(255) NOT NULL,
  email VARCHAR(255) NOT NULL,
  phone VARCHAR(100) NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4`;

// CREATE for the first run, ALTER so that a rotated password and the need for TLS also reach an existing user.
async function ensureUser(query, { user, password }, privileges, grantee) {
  const account = [user, HOST];
  await query('CREATE USER IF NOT EXISTS ?@? IDENTIFIED BY ? REQUIRE SSL', [...account, password]);
  await query('ALTER USER ?@? IDENTIFIED BY ? REQUIRE SSL', [...account, password]);
  await query(`GRANT ${privileges} ON ??.* TO ?@?`, [grantee, ...account]);
}

// In GRANT an underscore stands for any character unless escaped, except where partial revokes are on.
async function grantName(query, name) {
  const [setting] = await query("SHOW VARIABLES LIKE 'partial_revokes'");
  return setting?.Value === 'ON' ? name : name.replaceAll('_', '\\_');
}

async function insertSampleRows(query, name) {
  const [{ filled }] = await query('SELECT EXISTS (SELECT 1 FROM ??.suppliers) AS filled', [name]);
  if (Number(filled) === 1) return 0;
  await query('INSERT INTO ??.suppliers (name, address, city, state, email, phone) VALUES ?', [name, sampleRows]);
  return sampleRows.length;
}
