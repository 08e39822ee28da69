import { describe, test } from 'vitest';
import type { Database, OpenDatabase } from '../core/index.ts';
import { memory } from '../memory/index.ts';
import { tableOf } from './opened.ts';
import { rowsSuite, type Connection, type DatabaseFixture } from './index.ts';
import { kindsTable } from './kinds.ts';

const KINDS = kindsTable('postgres').cases.map(({ name, column }) => ({
  name,
  isKey: column.shape !== 'json' && !column.sqlType.endsWith('[]'),
}));

const noSql = (): Promise<never> => Promise.reject(new Error('there is no SQL'));
const connection: Connection = { run: noSql, all: noSql, close: async () => {} };

const fixture: DatabaseFixture = {
  name: 'memory',
  dialect: 'postgres',
  skip: [
    {
      reason: 'there is no SQL: a condition is met by all rows',
      tests: [
        'rows by conditions are those that meet one of them, in the order of the key, each once',
        'rows by conditions are paged like others',
      ],
    },
    {
      reason: 'there is no SQL, and a column holds what code has for it',
      tests: [
        'a column that the table does not have is unreadable in rows as in the log',
        ...KINDS.map(({ name }) => `${name} is read as the log has it, and found by what code has for it`),
        ...KINDS.filter(({ isKey }) => isKey).map(({ name }) => `a key of ${name}: every row comes once, in the database’s order`),
      ],
    },
    { reason: 'a commit is made at one stroke', tests: ['what is not committed is not read, and is not waited for'] },
    { reason: 'nothing outlives the process', tests: ['after a restart, rows are joined to the log from its floor'] },
  ],
  inHook: noSql,
  async fresh() {
    let last: OpenDatabase | undefined;
    const database = (): Database => {
      const made = memory();
      return { ...made, open: async (bound, options) => (last = await made.open(bound, options)) };
    };
    return {
      database,
      app: connection,
      other: async () => connection,
      async write(changes) {
        const open = last as OpenDatabase;
        const published = changes.map(({ model, before, after }) => ({ table: tableOf(open, model), before, after }));
        await open.source.publish(published, { client: 'w', write: 1 });
      },
      close: async () => {},
    };
  },
};

rowsSuite(fixture, { describe, test });
