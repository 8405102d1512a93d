// One statement at a time against a pool that may have lost its server: an answer or an error within the deadline.
import mysql from 'mysql2/promise';

// Shorter than the 8 s that the shutdown grants to open requests.
const DEADLINE_MS = 5000;

export class DatabaseUnavailable extends Error {
  constructor(cause) {
    super(cause.message, { cause });
    this.name = 'DatabaseUnavailable';
    this.code = cause.code;
    this.status = 503;
  }
}

export function createPool(options) {
  return mysql.createPool({
    ...options,
    charset: 'utf8mb4',
    connectTimeout: 3000,
    // Two colours of several tasks share a small instance's connections.
    connectionLimit: 5,
    maxIdle: 2,
    queueLimit: 100,
  });
}

export function createDatabase(pool, deadline = DEADLINE_MS) {
  return {
    async execute(sql, values = []) {
      try {
        return await withinDeadline(pool, sql, values, deadline);
      } catch (error) {
        throw new DatabaseUnavailable(error);
      }
    },
    close: () => pool.end(),
  };
}

async function withinDeadline(pool, sql, values, deadline) {
  let connection;
  let expired = false;
  let timer;
  const expiry = new Promise((_, reject) => {
    timer = setTimeout(() => {
      expired = true;
      connection?.destroy();
      reject(new Error(`no answer from the database within ${deadline} ms`));
    }, deadline);
  });
  const statement = async () => {
    connection = await pool.getConnection();
    // The visitor was told that it failed, so it must not happen any more.
    if (expired) return connection.release();
    try {
      const [result] = await connection.execute(sql, values);
      connection.release();
      return result;
    } catch (error) {
      // A fail-over leaves connections that only fail from now on: never give one back.
      connection.destroy();
      throw error;
    }
  };
  try {
    return await Promise.race([statement(), expiry]);
  } finally {
    clearTimeout(timer);
  }
}
