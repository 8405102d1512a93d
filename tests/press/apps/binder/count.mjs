// Once a day: how many books there are.
import { pool } from './database.mjs';

const books = pool();
const { rows } = await books.query('SELECT count(*) FROM books');
console.log(`${rows[0].count} books`);
await books.end();
