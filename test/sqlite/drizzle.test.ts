import BetterSqlite3 from 'better-sqlite3';
import { drizzle as drizzle045 } from 'drizzle-orm/better-sqlite3';
import * as core045 from 'drizzle-orm/sqlite-core';
import { drizzle as drizzle1 } from 'drizzle-orm-1/better-sqlite3';
import { drizzle as nodeDrizzle1 } from 'drizzle-orm-1/node-sqlite';
import * as core1 from 'drizzle-orm-1/sqlite-core';
import { eq } from 'drizzle-orm-1';
import type { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { placeOf, rowOf, type Model, type OpenDatabase, type Table } from '../../src/core/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { LogReader, suiteClock, SuiteLog } from '../../src/testing/opened.ts';
import { boundOf } from '../../src/testing/tables.ts';
import { rowWrite } from '../../src/testing/store-write.ts';
import { freshWorld } from './fixture.ts';

const DDL = `CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, flag INTEGER, at INTEGER, ms INTEGER, price REAL, exact NUMERIC, big BLOB, json TEXT, blobjson BLOB, bytes BLOB, name TEXT NOT NULL DEFAULT 'none')`;

const ROW = {
  flag: true,
  at: new Date('2026-11-23T12:34:56.000Z'),
  ms: new Date('2026-11-23T12:34:56.789Z'),
  price: 0.1,
  exact: '12.5',
  big: 9007199254740993n,
  json: { a: [1, null, 'x'] },
  blobjson: ['y'],
  bytes: Buffer.from([0, 255]),
  name: 'n',
};

/** The handle of either version, as far as these laws go. */
interface Handle {
  insert(table: unknown): { values(row: object): { run(): unknown } };
  select(): { from(table: unknown): { all(): Record<string, unknown>[] } };
}

function tableOf({ sqliteTable, integer, real, numeric, blob, text }: typeof core045) {
  return sqliteTable('item', {
    id: integer().primaryKey({ autoIncrement: true }),
    flag: integer({ mode: 'boolean' }),
    at: integer({ mode: 'timestamp' }),
    ms: integer({ mode: 'timestamp_ms' }),
    price: real(),
    exact: numeric(),
    big: blob({ mode: 'bigint' }),
    json: text({ mode: 'json' }),
    blobjson: blob({ mode: 'json' }),
    bytes: blob({ mode: 'buffer' }),
    name: text().notNull().default('none'),
  });
}

async function opened(file: string, table: Model): Promise<{ open: OpenDatabase; reader: LogReader; bound: Table }> {
  const open = await sqlite(file, { driver: BetterSqlite3 }).open([boundOf(table)], {
    setup: 'auto',
    clock: suiteClock,
    log: new SuiteLog(),
  });
  return { open, reader: new LogReader(open, await open.source.tail()), bound: open.tables.get(table) as Table };
}

describe.each([
  { version: '0.45', core: core045, connect: (client: unknown) => drizzle045({ client: client as never }) as unknown as Handle },
  {
    version: '1.0',
    core: core1 as unknown as typeof core045,
    connect: (client: unknown) => drizzle1({ client: client as never }) as unknown as Handle,
  },
])('Drizzle $version over a followed file', ({ core, connect }) => {
  test('the row that code sees in the log is the row that select() gives, and the one a write made', async () => {
    const world = freshWorld('better-sqlite3');
    world.exec(DDL);
    const declared = tableOf(core);
    const model = drizzle(declared) as unknown as Model;
    const { open, reader, bound } = await opened(world.file, model);
    try {
      const client = new BetterSqlite3(world.file);
      const db = connect(client);
      db.insert(declared).values(ROW).run();
      db.insert(declared).values({ name: 'empty' }).run();
      const values = new Map(
        Object.entries(ROW).map(([name, value]) => [placeOf(bound, name), model.toParam(placeOf(bound, name), value)]),
      );
      const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
      const { answer } = await open.store.write(
        rowWrite({
          table: bound,
          action: 'create',
          key: null,
          claim,
          judge: () => ({ verdict: 'write', values }),
        }),
      );
      expect(answer).toEqual({ ok: true, pk: 3 });
      await reader.settled();
      const logged = reader.commits.flatMap(({ changes }) => changes.map(({ after }) => rowOf(bound, after ?? [])));
      const selected = db.select().from(declared).all();
      client.close();
      expect(logged).toEqual(selected);
      expect(logged[0]).toMatchObject({ ...ROW, id: 1 });
      expect({ ...logged[2], id: 1 }).toEqual(logged[0]);
    } finally {
      await reader.stop();
      await open.close();
      await world.close();
    }
  });
});

test("a hook gets Drizzle 1.0's own handle over node:sqlite, and what it does is one with the write", async () => {
  const world = freshWorld('node:sqlite');
  world.exec(DDL);
  const declared = tableOf(core1 as unknown as typeof core045);
  const model = drizzle(declared) as unknown as Model;
  const database = sqlite(world.file, { drizzle: (client) => nodeDrizzle1({ client: client as DatabaseSync }) });
  const open = await database.open([boundOf(model)], { setup: 'auto', clock: suiteClock, log: new SuiteLog() });
  try {
    const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
    const run = (handle: unknown): unknown => {
      const tx = handle as ReturnType<typeof nodeDrizzle1>;
      const item = declared as never;
      tx.insert(item)
        .values({ name: 'made' } as never)
        .run();
      tx.update(item).set({ name: 'set' } as never).where(eq((item as { id: never }).id, 1)).run(); // prettier-ignore
      return 1;
    };
    const { answer } = await open.store.write(
      rowWrite({
        table: open.tables.get(model) as Table,
        action: 'create',
        key: null,
        claim,
        judge: () => ({ verdict: 'hook', run }),
      }),
    );
    expect(answer).toEqual({ ok: true, pk: 1 });
    expect(await world.app.all('SELECT name FROM item')).toEqual([{ name: 'set' }]);
  } finally {
    await open.close();
    await world.close();
  }
});
