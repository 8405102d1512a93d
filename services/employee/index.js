// Wires the parts together. The database may be away: pages then say so, and the process stays.
import { createApp } from './app.js';
import { readConfig } from './config.js';
import { createDatabase, createPool } from './database.js';
import { serve } from './lifecycle.js';
import { createLog, described } from './log.js';
import { createRepository } from './repository.js';

const log = createLog('employee');

process.on('uncaughtException', (error) => {
  log.fatal({ ...described(error), stack: error.stack }, 'cannot go on');
  process.exit(1);
});

const config = readConfig(process.env);
if (!config.database.host) log.warn('DB_HOST is not set: pages that need data will answer 503');

const database = createDatabase(createPool(config.database));
const app = createApp({ repository: createRepository(database), log });
serve({ app, port: config.port, log, close: database.close });
