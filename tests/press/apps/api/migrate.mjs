// Run before each release: the table, and a user each for reading and writing. It may run again.
import pg from 'pg';
import { settings } from './database.mjs';

const { env } = process;
const client = new pg.Client(settings(env.DB_ADMIN_USER, env.DB_ADMIN_PASSWORD));
await client.connect();
await client.query('CREATE TABLE IF NOT EXISTS books (id SERIAL PRIMARY KEY, title TEXT NOT NULL UNIQUE)');
for (const [who, rights] of [['READER', 'SELECT'], ['WRITER', 'SELECT, INSERT']]) {
  const user = client.escapeIdentifier(env[`DB_${who}_USER`]);
  const password = client.escapeLiteral(env[`DB_${who}_PASSWORD`]);
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [env[`DB_${who}_USER`]]);
  await client.query(`${rowCount ? 'ALTER' : 'CREATE'} ROLE ${user} LOGIN PASSWORD ${password}`);
  await client.query(`GRANT ${rights} ON books TO ${user}`);
  if (who === 'WRITER') await client.query(`GRANT USAGE ON SEQUENCE books_id_seq TO ${user}`);
}
console.log('migrated');
await client.end();
