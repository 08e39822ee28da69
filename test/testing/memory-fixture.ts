import type { Database, OpenDatabase, Table } from '../../src/core/index.ts';
import { memory } from '../../src/memory/index.ts';
import type { Connection, DatabaseFixture, Skip } from '../../src/testing/index.ts';

const noSql = (): Promise<never> => Promise.reject(new Error('there is no SQL'));
const connection: Connection = { run: noSql, all: noSql, close: async () => {} };

/** No database: what is written is published. `change` may put other parts in place of those that were opened. */
export function memoryFixture(
  name: string,
  skip: readonly Skip[],
  change: (open: OpenDatabase) => OpenDatabase = (open) => open,
): DatabaseFixture {
  return {
    name,
    dialect: 'postgres',
    skip,
    inHook: noSql,
    async fresh() {
      let last: OpenDatabase | undefined;
      const database = (): Database => {
        const made = memory();
        return { ...made, open: async (bound, options) => (last = change(await made.open(bound, options))) };
      };
      return {
        database,
        app: connection,
        other: async () => connection,
        transactions: {},
        async write(changes) {
          const { source, tables } = last as OpenDatabase;
          const published = changes.map(({ model, before, after }) => ({ table: tables.get(model) as Table, before, after }));
          await source.publish(published, { client: 'w', write: 1 });
        },
        close: async () => {},
      };
    },
  };
}
