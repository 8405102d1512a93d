// The SQL of this service. Values only ever travel as parameters of a prepared statement.

export const LIST_LIMIT = 1000;

const COLUMNS = ['name', 'address', 'city', 'state', 'email', 'phone'];
const valuesOf = (supplier) => COLUMNS.map((column) => supplier[column]);

export function createRepository(database) {
  return {
    listSuppliers: () =>
      database.execute(`SELECT id, ${COLUMNS.join(', ')} FROM suppliers ORDER BY name, id LIMIT ${LIST_LIMIT}`),

    async findSupplier(id) {
      const [supplier] = await database.execute(`SELECT id, ${COLUMNS.join(', ')} FROM suppliers WHERE id = ?`, [id]);
      return supplier;
    },

    async addSupplier(supplier) {
      const marks = COLUMNS.map(() => '?').join(', ');
      await database.execute(`INSERT INTO suppliers (${COLUMNS.join(', ')}) VALUES (${marks})`, valuesOf(supplier));
    },

    // Tells whether there was such a supplier; mysql2 counts rows found, not rows changed.
    async updateSupplier(id, supplier) {
      const assignments = COLUMNS.map((column) => `${column} = ?`).join(', ');
      const { affectedRows } = await database.execute(`UPDATE suppliers SET ${assignments} WHERE id = ?`, [
        ...valuesOf(supplier),
        id,
      ]);
      return affectedRows > 0;
    },

    async removeSupplier(id) {
      await database.execute('DELETE FROM suppliers WHERE id = ?', [id]);
    },

    ping: () => database.execute('SELECT 1'),
  };
}
