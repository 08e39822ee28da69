import BetterSqlite3 from 'better-sqlite3';
import type { drizzle } from 'drizzle-orm/better-sqlite3';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { DRIVERS, freshWorld } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { Table } from '../core/index.ts';
import { rowWrite } from '../testing/store-write.ts';
import { sqlite } from './index.ts';

const t = model('t', 'id integer, v text', 'id');

describe.each(DRIVERS)('what can be bound (%s)', (driver) => {
  test.each([
    ['a bare rowid', 'CREATE TABLE t(id INTEGER, v TEXT)', 'source_unsupported', /no primary key.*INTEGER PRIMARY KEY/],
    ['a view', 'CREATE TABLE s(id INTEGER PRIMARY KEY, v TEXT); CREATE VIEW t AS SELECT * FROM s', 'source_unsupported', /is a view/],
    ['a virtual table', 'CREATE VIRTUAL TABLE t USING fts5(id, v)', 'source_unsupported', /is a virtual/],
    [
      'a unique index on an expression',
      'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); CREATE UNIQUE INDEX low ON t(lower(v))',
      'source_unsupported',
      /"low".*GENERATED ALWAYS AS/,
    ],
    ['another primary key', 'CREATE TABLE t(id INTEGER, v TEXT PRIMARY KEY)', 'schema_drift', /primary key.*\(id\).*\(v\)/],
    ['a key that may be NULL', 'CREATE TABLE t(id INT PRIMARY KEY, v TEXT)', 'source_unsupported', /"id".*may be NULL.*NOT NULL/],
  ])('%s is refused with the cure', async (_, ddl, code, message) => {
    await using followed = new Followed(driver, ddl, [t]);
    await expect(followed.open()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test.each([
    ['may be NULL', 'v TEXT, PRIMARY KEY (id, v))', false],
    ['are NOT NULL', 'v TEXT NOT NULL, PRIMARY KEY (id, v))', true],
    ['are in a table without rowid', 'v TEXT, PRIMARY KEY (id, v)) WITHOUT ROWID', true],
    ['are in a strict table', 'v TEXT, PRIMARY KEY (id, v)) STRICT', true],
  ])('a key of two columns that %s: distinct rows must have distinct keys', async (_, rest, fine) => {
    const both = model('t', 'id integer, v text', 'id', 'v');
    await using followed = new Followed(driver, `CREATE TABLE t(id INTEGER NOT NULL, ${rest}`, [both]);
    if (fine) await expect(followed.open()).resolves.toBeDefined();
    else
      await expect(followed.open()).rejects.toMatchObject({
        code: 'source_unsupported',
        message: expect.stringContaining('"v" TEXT NOT NULL') as string,
      });
  });

  test('an attached database, a Postgres model and a file that is not there are refused with the cure', async () => {
    await using followed = new Followed(driver, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)', [
      { ...t, table: { schema: 'other', name: 't' } },
    ]);
    await expect(followed.open()).rejects.toMatchObject({
      code: 'source_unsupported',
      message: expect.stringContaining('attached') as string,
    });
    await using postgres = new Followed(driver, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)', [{ ...t, dialect: 'postgres' }]);
    await expect(postgres.open()).rejects.toMatchObject({ code: 'binding_invalid' });
    await expect(sqlite(`${followed.world.file}.none`).plan([])).rejects.toMatchObject({ code: 'source_unsupported' });
  });

  test.each(['int', 'BIGINT UNSIGNED', 'boolean', 'NUMERIC(10, 2)'])(
    'types are compared by what SQLite makes of them: %s holds an integer',
    async (type) => {
      await using followed = new Followed(driver, `CREATE TABLE t(id INTEGER PRIMARY KEY, v ${type})`, [
        model('t', 'id integer, v integer', 'id'),
      ]);
      await expect(followed.open()).resolves.toBeDefined();
    },
  );

  test('names that need quoting are quoted everywhere', async () => {
    const odd = model('o"dd; --', 'id integer, v text', 'id');
    await using followed = new Followed(driver, `CREATE TABLE "o""dd; --"(id INTEGER PRIMARY KEY, v TEXT UNIQUE, "c0" TEXT)`, [odd]);
    const reader = await followed.read();
    followed.world.exec(`REPLACE INTO "o""dd; --" VALUES (1, 'a', ''); REPLACE INTO "o""dd; --" VALUES (2, 'a', '')`);
    await reader.settled();
    expect(reader.changes.map(({ before, after }) => [before?.['id'], after?.['id']])).toEqual([
      [undefined, 1],
      [1, undefined],
      [undefined, 2],
    ]);
    await followed.world.database().teardown([]);
  });

  test('tables of different widths share one journal', async () => {
    const wide = model('wide', ['id integer', ...Array.from({ length: 12 }, (_, at) => `c${at} text`)].join(', '), 'id');
    await using followed = new Followed(
      driver,
      `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE wide(id INTEGER PRIMARY KEY, ${Array.from({ length: 12 }, (_, at) => `c${at} TEXT`).join(', ')})`,
      [t],
    );
    const narrow = await followed.read();
    await using wider = new Followed(driver, 'SELECT 1', [t, wide]);
    const reader = await wider.read(await wider.open({ database: followed.world.database() }));
    followed.world.exec("INSERT INTO t VALUES (1, 'a'); INSERT INTO wide(id, c11) VALUES (1, 'z')");
    await reader.settled();
    expect(reader.changes.map(({ table, after }) => [table, after?.['c11'] ?? after?.['v']])).toEqual([
      ['t', 'a'],
      ['wide', 'z'],
    ]);
    await narrow.settled();
    expect(narrow.changes.map(({ table }) => table)).toEqual(['t']);
  });

  test('a file set up by another version is refused with the cure', async () => {
    await using followed = new Followed(driver, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)', [t]);
    await (await followed.open()).close();
    followed.world.exec("UPDATE _rowcast_meta SET value = '999' WHERE name = 'version'");
    await expect(followed.open()).rejects.toMatchObject({
      code: 'source_unsupported',
      message: expect.stringContaining('teardown') as string,
    });
  });

  test('teardown leaves the file as it was, its journal mode included', async () => {
    await using followed = new Followed(driver, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)', [t]);
    const all = (): Promise<readonly object[]> => followed.world.app.all('SELECT name, sql FROM sqlite_schema ORDER BY name');
    const before = await all();
    await (await followed.open()).close();
    expect(await all()).not.toEqual(before);
    expect(await followed.world.app.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    await followed.world.app.close();
    await followed.world.database().teardown([]);
    const again = new BetterSqlite3(followed.world.file);
    expect(again.prepare("SELECT name, sql FROM sqlite_schema WHERE name <> 'sqlite_sequence' ORDER BY name").all()).toEqual(before);
    expect(again.pragma('journal_mode', { simple: true })).toBe('delete');
    again.close();
  });

  test('a write whose reference is only checked at commit is refused like any other', async () => {
    const ddl =
      'CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT REFERENCES p DEFERRABLE INITIALLY DEFERRED)';
    await using followed = new Followed(driver, ddl, [t]);
    const open = await followed.open();
    const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
    const write = rowWrite({
      table: open.tables.get(t) as Table,
      action: 'create',
      key: null,
      claim,
      judge: () => ({ verdict: 'write', values: new Map([[1, '7']]) }),
    });
    const { answer } = await open.store.write(write);
    expect(answer).toMatchObject({ ok: false, code: 'invalid' });
    followed.world.exec('INSERT INTO p VALUES (7)');
    expect((await open.store.write(write)).answer).toEqual(answer);
  });

  test("a trigger of the app's that rolls everything back is a refusal without its words", async () => {
    const ddl =
      "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'secret words'); END";
    await using followed = new Followed(driver, ddl, [t]);
    const open = await followed.open();
    const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
    const { answer, logged } = await open.store.write(
      rowWrite({
        table: open.tables.get(t) as Table,
        action: 'create',
        key: null,
        claim,
        judge: () => ({ verdict: 'write', values: new Map([[1, 'x']]) }),
      }),
    );
    expect([answer.ok ? null : answer.code, logged]).toEqual(['invalid', true]);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  test('hooks get a synchronous Drizzle handle, with transactions of its own inside', async () => {
    const schema = sqliteTable('t', { id: integer().primaryKey(), v: text() });
    await using followed = new Followed(driver, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')", [t]);
    const open = await followed.open();
    const run = (handle: unknown): unknown => {
      const tx = handle as ReturnType<typeof drizzle>;
      expect(tx.select().from(schema).all()).toEqual([{ id: 1, v: 'a' }]);
      const [made] = tx.insert(schema).values({ v: 'b' }).returning().all();
      expect(() =>
        tx.transaction((inner) => {
          inner.update(schema).set({ v: 'undone' }).run();
          throw new Error('inner');
        }),
      ).toThrow('inner');
      tx.transaction((inner) => inner.update(schema).set({ v: 'c' }).where(eq(schema.id, 1)).run());
      return made?.id;
    };
    const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
    const { answer } = await open.store.write(
      rowWrite({
        table: open.tables.get(t) as Table,
        action: 'create',
        key: null,
        claim,
        judge: () => ({ verdict: 'hook', run }),
      }),
    );
    expect(answer).toEqual({ ok: true, pk: 2 });
    expect(await followed.world.app.all('SELECT * FROM t ORDER BY id')).toEqual([
      { id: 1, v: 'c' },
      { id: 2, v: 'b' },
    ]);
  });
});

test.each(['', ':memory:', 'file::memory:?cache=shared', 'file:x?mode=memory'])(
  'a database in memory (%j) is refused with the cure',
  (file) => {
    expect(() => sqlite(file)).toThrow(
      expect.objectContaining({ code: 'source_unsupported', message: expect.stringMatching(/sqlite\('app\.db'\)/) as string }),
    );
  },
);

test.each([{ rows: -1 }, { age: NaN }])('bounds that are none (%j) are refused with the cure', (keep) => {
  expect(() => sqlite('app.db', { keep })).toThrow(
    expect.objectContaining({ code: 'source_unsupported', message: expect.stringContaining('`keep`') as string }),
  );
});

test('without bounds nothing is deleted', async () => {
  const ddl = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';
  await using followed = new Followed('node:sqlite', ddl, [t]);
  const open = await followed.open({ database: followed.world.database({ keep: { rows: Infinity, age: Infinity } }) });
  const { position } = await open.source.floor();
  followed.world.exec("INSERT INTO t(v) VALUES ('a'), ('b')");
  open.source.acknowledge(await open.source.tail());
  expect((await open.source.floor()).position).toBe(position);
});

test('a Drizzle handle of the app’s own making is what hooks get', async () => {
  const world = freshWorld('better-sqlite3');
  world.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)');
  const own = { mine: true };
  const database = sqlite(world.file, { driver: BetterSqlite3, drizzle: () => own });
  await using followed = new Followed('better-sqlite3', 'SELECT 1', [t]);
  const open = await followed.open({ database });
  let got: unknown;
  const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
  await open.store.write(
    rowWrite({
      table: open.tables.get(t) as Table,
      action: 'create',
      key: null,
      claim,
      judge: () => ({ verdict: 'hook', run: (tx) => void (got = tx) }),
    }),
  );
  expect(got).toBe(own);
  await open.close();
  await world.close();
});
