// The SQL of this service: it reads, and its database user can do nothing else.

export const LIST_LIMIT = 1000;

export function createRepository(database) {
  return {
    listSuppliers: () =>
      database.execute(
        `SELECT id, name, address, city, state, email, phone FROM suppliers ORDER BY name, id LIMIT ${LIST_LIMIT}`,
      ),
    ping: () => database.execute('SELECT 1'),
  };
}
