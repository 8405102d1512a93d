// PostgreSQL over TLS, whose certificate and name are looked at.
import { readFileSync } from 'node:fs';
import pg from 'pg';

const { env } = process;

export const settings = (user = env.DB_USER, password = env.DB_PASSWORD) => ({
  host: env.DB_HOST,
  port: Number(env.DB_PORT),
  database: env.DB_NAME,
  user,
  password,
  ssl: { ca: readFileSync(env.DB_CA, 'utf8'), rejectUnauthorized: true },
  connectionTimeoutMillis: 5000,
});

export const pool = () => new pg.Pool({ ...settings(), max: 4 }).on('error', (error) => console.error(error.message));
