import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import {
  UNREADABLE,
  type Clock,
  type Image,
  type Model,
  type OpenDatabase,
  type RowPage,
  type Selection,
  type Table,
} from '../core/index.ts';
import { drizzle } from '../drizzle/index.ts';
import { suiteClock } from '../testing/opened.ts';
import { boundOf } from '../testing/tables.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';
const t = model('t', 'id integer, v text', 'id');
const never = new AbortController().signal;
const ALL: Selection = { by: 'all' };

function many(count: number, table = 't'): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO ${table} SELECT i, 'v' || i FROM n`;
}

async function collected(pages: AsyncIterable<RowPage>): Promise<RowPage[]> {
  const found: RowPage[] = [];
  for await (const page of pages) found.push(page);
  return found;
}

async function pages(open: OpenDatabase, selection = ALL, { of = t, page }: { of?: Model; page?: number } = {}): Promise<RowPage[]> {
  const reading = await open.rows.read(open.tables.get(of) as Table, selection, { signal: never, ...(page !== undefined && { page }) });
  return collected(reading.pages);
}

async function images(open: OpenDatabase, selection = ALL, of: Model = t): Promise<readonly Image[]> {
  return (await pages(open, selection, { of })).flatMap(({ rows }) => rows);
}

/** A clock whose long waits end when a test says so. */
class PatienceClock implements Clock {
  readonly #late: (() => void)[] = [];
  now = suiteClock.now;
  time = suiteClock.time;
  id = suiteClock.id;
  soon = suiteClock.soon;
  after(ms: number, fire: () => void): { cancel(): void } {
    if (ms !== 10_000) return suiteClock.after(ms, fire);
    this.#late.push(fire);
    return { cancel: () => void this.#late.splice(this.#late.indexOf(fire), 1) };
  }
  get waits(): number {
    return this.#late.length;
  }
  runOut(): void {
    for (const fire of this.#late.splice(0)) fire();
  }
}

describe.each(DRIVERS)('rows as they stand (%s)', (driver) => {
  test('an image is what the log gives for the same row, for every storage class in every kind of column', async () => {
    const columns = ['INTEGER', 'REAL', 'NUMERIC', 'TEXT', 'BLOB'];
    const mixed = model('m', `id integer, ${columns.map((type, at) => `c${at} ${type.toLowerCase()}`).join(', ')}`, 'id');
    const literal = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
      fc.constantFrom('NULL', '9e999', '-9e999', '1.0', '-0.0', "''", "'a' || char(0) || 'b'", "x''", "'12'", "'1e3'"),
      fc.string({ unit: 'binary' }).filter((each) => each.isWellFormed() && !each.includes('\0')).map((each) => `'${each.replaceAll("'", "''")}'`), // prettier-ignore
      fc.uint8Array({ maxLength: 8 }).map((bytes) => `x'${Buffer.from(bytes).toString('hex')}'`),
    );
    await using followed = new Followed(driver, `CREATE TABLE m(id INTEGER PRIMARY KEY, ${columns.map((type, at) => `c${at} ${type}`).join(', ')})`, [mixed]); // prettier-ignore
    const open = await followed.open();
    const reader = await followed.read(open);
    const rows = fc.array(fc.tuple(...columns.map(() => literal)), { minLength: 200, maxLength: 200 });
    fc.assert(
      fc.property(rows, (values) => followed.world.exec(`INSERT INTO m(c0, c1, c2, c3, c4) VALUES ${values.map((row) => `(${row.join(', ')})`).join(', ')}`)), // prettier-ignore
      { numRuns: 1 },
    );
    await reader.settled();
    const logged = reader.commits.flatMap(({ changes }) => changes.map(({ after }) => after));
    expect(logged).toHaveLength(200);
    expect(await images(open, ALL, mixed)).toStrictEqual(logged);
  });

  test('a column that is not there as declared is unreadable, as it is in the log', async () => {
    const wider = model('t', 'id integer, v text, more text', 'id');
    await using followed = new Followed(driver, `${DDL}; INSERT INTO t VALUES (1, 'a')`, [wider]);
    const bound = [{ model: wider, listed: new Set(['v']) }];
    const open = await followed.world.database().open(bound, { setup: 'auto', clock: suiteClock, log: followed.log });
    expect(await images(open, ALL, wider)).toEqual([[1n, 'a', UNREADABLE]]);
    await open.close();
  });

  test.each([
    ['a number', 'id INTEGER PRIMARY KEY, v TEXT)', 'id'],
    ['a number, descending', 'id INTEGER NOT NULL, v TEXT, PRIMARY KEY (id DESC))', 'id'],
    ['a text that ignores case', 'id INTEGER, v TEXT PRIMARY KEY NOT NULL COLLATE NOCASE)', 'v'],
    ['a text that ignores case in a key that does not', 'id INTEGER, v TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (v COLLATE BINARY))', 'v'],
    ['two columns, without rowid', 'id INTEGER NOT NULL, v TEXT NOT NULL, PRIMARY KEY (v, id)) WITHOUT ROWID', 'v', 'id'],
    ['named as the house names columns', 'id INTEGER, v TEXT, c0 INTEGER PRIMARY KEY)', 'c0'],
  ])('every row comes once, in the order of the key, in pages: a key of %s', async (_, ddl, ...key) => {
    const columns = ddl.includes('c0') ? 'id integer, v text, c0 integer' : 'id integer, v text';
    const keyed = model('t', columns, ...key);
    await using followed = new Followed(driver, `CREATE TABLE t(${ddl}`, [keyed]);
    followed.world.exec(
      'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 249) INSERT INTO t(id, v) SELECT (i * 97) % 250, char(97 + i % 26, 65 + i / 26) FROM n',
    );
    const open = await followed.open();
    const found = await pages(open, ALL, { of: keyed, page: 7 });
    expect(found.every(({ rows }) => rows.length > 0 && rows.length <= 7)).toBe(true);
    const rows = found.flatMap((page) => page.rows);
    const collation = ddl.includes('COLLATE BINARY') ? 'COLLATE BINARY' : '';
    const expected = await followed.world.app.all(`SELECT * FROM t ORDER BY ${key.map((name) => `${name} ${collation}`).join(', ')}`);
    expect(rows.map(([id, v]) => [Number(id), v])).toEqual(expected.map((row) => [row['id'], row['v']]));
    expect(rows).toHaveLength(250);
  });

  test('how many there are is said on the first of several pages and on the last; no rows are no page', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    expect(await pages(open)).toEqual([]);
    followed.world.exec(many(30));
    expect((await pages(open, ALL, { page: 10 })).map(({ rows, total }) => [rows.length, total])).toEqual([
      [10, 30],
      [10, null],
      [10, 30],
    ]);
    expect((await pages(open, ALL, { page: 30 })).map(({ rows, total }) => [rows.length, total])).toEqual([[30, 30]]);
  });

  test('all pages are of the moment that the snapshot names, whatever another process commits meanwhile', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(3_000)}`, [t]);
    const open = await followed.open();
    const other = await followed.world.other();
    const reading = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: never, page: 100 });
    await other.run("UPDATE t SET v = 'later'; DELETE FROM t WHERE id > 2000; INSERT INTO t VALUES (9999, 'later')");
    const rows = (await collected(reading.pages)).flatMap((page) => page.rows);
    expect(rows.map(([, v]) => v)).toEqual(Array.from({ length: 3_000 }, (_, at) => `v${at + 1}`));
    const reader = await followed.read(open, reading.snapshot.until);
    await reader.settled();
    expect(reader.changes).toHaveLength(3_000 + 1_000 + 1);
  });

  test('values select by what code sees: case, NULL, digits beyond 2^53, composite groups', async () => {
    const g = model('g', 'id integer, name text, big numeric', 'id');
    await using followed = new Followed(
      driver,
      `CREATE TABLE g(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, big NUMERIC);
       INSERT INTO g VALUES (1, 'a', 1), (2, 'A', 1), (3, NULL, 1), (4, 'a', NULL), (5, 'b', 9007199254740993), (6, 'b', 9007199254740992)`,
      [g],
    );
    const open = await followed.open();
    const ids = async (places: readonly number[], ...tuples: readonly (readonly unknown[])[]): Promise<unknown[]> =>
      (await images(open, { by: 'values', places, tuples }, g)).map(([id]) => Number(id));
    expect(await ids([1], ['a'])).toEqual([1, 4]);
    expect(await ids([1], ['A'])).toEqual([2]);
    expect(await ids([1], ['a'], ['A'], ['a'])).toEqual([1, 2, 4]);
    expect(await ids([1], [null])).toEqual([]);
    expect(await ids([1, 2], ['a', 1], ['b', 9007199254740993n])).toEqual([1, 5]);
    expect(await ids([1])).toEqual([]);
    await expect(ids([1], ...Array.from({ length: 20_000 }, (_, at) => [`g${at}`]))).rejects.toMatchObject({ code: 'source_unsupported' });
  });

  test('a value that many stored values stand for selects them all: a boolean, a date', async () => {
    const declared = sqliteTable('b', {
      id: integer().primaryKey(),
      done: integer({ mode: 'boolean' }),
      at: integer({ mode: 'timestamp' }),
    });
    const b = drizzle(declared) as unknown as Model;
    await using followed = new Followed(
      driver,
      'CREATE TABLE b(id INTEGER PRIMARY KEY, done INTEGER, at INTEGER); INSERT INTO b VALUES (1, 0, 0), (2, 1, 0), (3, 2, 1), (4, NULL, 1)',
      [b],
    );
    const open = await followed.open();
    const ids = async (place: number, value: unknown): Promise<unknown[]> =>
      (await images(open, { by: 'values', places: [place], tuples: [[value]] }, b)).map(([id]) => Number(id));
    expect(await ids(1, true)).toEqual([2]);
    expect(await ids(1, false)).toEqual([1, 3]);
    expect(await ids(2, new Date(1_000))).toEqual([3, 4]);
    // How many those are is known when all have been looked at.
    followed.world.exec('INSERT INTO b(done) VALUES (0), (1), (0), (1), (0)');
    const found = await pages(open, { by: 'values', places: [1], tuples: [[false]] }, { of: b, page: 3 });
    expect(found.map(({ rows, total }) => [rows.length, total])).toEqual([
      [2, null],
      [1, null],
      [2, 5],
    ]);
  });

  test('conditions select what any of them finds, with their parameters; one that cannot be run names the cure', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(10)}`, [t]);
    const open = await followed.open();
    const ids = async (...any: readonly { sql: string; params: readonly unknown[] }[]): Promise<unknown[]> =>
      (await images(open, { by: 'condition', any })).map(([id]) => Number(id));
    expect(await ids({ sql: '"t"."id" > ?', params: [8] }, { sql: '"t"."v" = ?', params: ['v2'] })).toEqual([2, 9, 10]);
    expect(await ids({ sql: '"t"."id" > ? OR ?', params: [8, false] })).toEqual([9, 10]);
    expect(await ids()).toEqual([]);
    await expect(ids({ sql: '"other"."id" = ?', params: [1] })).rejects.toMatchObject({
      code: 'binding_invalid',
      message: expect.stringMatching(/`where` of "t".*own table/) as string,
    });
    // What failed holds no connection.
    for (let n = 0; n < 10; n++) await expect(ids({ sql: 'no such', params: [] })).rejects.toMatchObject({ code: 'binding_invalid' });
    expect(await images(open)).toHaveLength(10);
  });

  test('many readings at once each come whole; those that were left or aborted hold nothing', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(500)}`, [t]);
    const open = await followed.world.database().open([boundOf(t)], { setup: 'auto', clock: new PatienceClock(), log: followed.log });
    const counts = await Promise.all(Array.from({ length: 20 }, async () => (await images(open)).length));
    expect(counts).toEqual(Array.from({ length: 20 }, () => 500));
    followed.world.exec('UPDATE t SET v = randomblob(40000)');
    for (let n = 0; n < 6; n++) {
      const { pages: left } = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: never });
      for await (const page of left) if (page.rows.length > 0) break;
      const aborted = new AbortController();
      const { pages: cut } = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: aborted.signal });
      aborted.abort(new Error('enough'));
      await expect(collected(cut)).rejects.toThrow('enough');
    }
    expect(await images(open)).toHaveLength(500);
    await expect(open.rows.read(open.tables.get(t) as Table, ALL, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    );
    await open.close();
  });

  test('a reading that nobody takes from lets go of the database: at once when it fits into memory, else when patience ends', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(500)}`, [t]);
    const clock = new PatienceClock();
    const open = await followed.world.database().open([boundOf(t)], { setup: 'auto', clock, log: followed.log });
    const emptied = async (): Promise<unknown> => (await followed.world.app.all('PRAGMA wal_checkpoint(TRUNCATE)'))[0]?.['busy'];
    followed.world.exec('PRAGMA busy_timeout = 0');
    const small = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: never });
    followed.world.exec("UPDATE t SET v = 'x'");
    await expect.poll(emptied).toBe(0);
    expect((await collected(small.pages)).flatMap(({ rows }) => rows)).toHaveLength(500);

    followed.world.exec('UPDATE t SET v = randomblob(60000)');
    const large = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: never });
    await expect.poll(() => clock.waits).toBe(1);
    followed.world.exec('DELETE FROM t WHERE id = 1');
    expect(await emptied()).toBe(1);
    clock.runOut();
    await expect(collected(large.pages)).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringContaining('10 s') as string,
    });
    expect(await emptied()).toBe(0);
    await open.close();
  });

  test('a reading of more than fits into memory comes whole to whoever keeps asking', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(500)}; UPDATE t SET v = randomblob(60000)`, [t]);
    const open = await followed.open();
    let seen = 0;
    for (const page of await pages(open)) seen += page.rows.length;
    expect(seen).toBe(500);
    const { pages: slow } = await open.rows.read(open.tables.get(t) as Table, ALL, { signal: never });
    for await (const { rows } of slow) {
      seen -= rows.length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(seen).toBe(0);
  });

  test('a migration between two readings is no fault: both see the table as declared', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(3)}`, [t]);
    const open = await followed.open();
    expect(await images(open)).toHaveLength(3);
    followed.world.exec('ALTER TABLE t ADD COLUMN more TEXT');
    expect(await images(open)).toHaveLength(3);
    followed.world.exec('ALTER TABLE t RENAME COLUMN v TO w');
    expect(await images(open)).toEqual([1n, 2n, 3n].map((id) => [id, UNREADABLE]));
    followed.world.exec('ALTER TABLE t RENAME COLUMN id TO number');
    await expect(images(open)).rejects.toMatchObject({ code: 'schema_drift' });
    followed.world.exec('DROP TABLE t');
    await expect(images(open)).rejects.toMatchObject({ code: 'schema_drift' });
  });

  test('closing ends what is being read, and what waits to be', async () => {
    await using followed = new Followed(driver, `${DDL}; ${many(500)}; UPDATE t SET v = randomblob(60000)`, [t]);
    const open = await followed.open();
    const table = open.tables.get(t) as Table;
    const reading = Promise.allSettled(Array.from({ length: 8 }, async () => collected((await open.rows.read(table, ALL, { signal: never })).pages))); // prettier-ignore
    const waiting = await open.rows.read(table, ALL, { signal: never });
    await open.close();
    await expect(collected(waiting.pages)).rejects.toMatchObject({ code: 'closed' });
    for (const outcome of await reading) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'closed' });
      else expect(outcome.value.flatMap(({ rows }) => rows)).toHaveLength(500);
    }
    await expect(open.rows.read(table, ALL, { signal: never })).rejects.toMatchObject({ code: 'closed' });
  });
});
