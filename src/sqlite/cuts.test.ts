import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DRIVERS, follower } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import {
  fold,
  keyText,
  shows,
  type Commit,
  type Image,
  type OpenDatabase,
  type Position,
  type Reading,
  type Table,
} from '../core/index.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';
const t = model('t', 'id integer, v text', 'id');
const never = new AbortController().signal;

type Rows = ReadonlyMap<string, Image>;

async function rowsOf(table: Table, { pages }: Reading): Promise<Rows> {
  const rows = new Map<string, Image>();
  for await (const { rows: images } of pages) for (const image of images) rows.set(keyText(table, image), image);
  return rows;
}

async function all(open: OpenDatabase): Promise<{ readonly until: Position; readonly rows: Rows }> {
  const table = open.tables.get(t) as Table;
  const reading = await open.rows.read(table, { by: 'all' }, { signal: never });
  return { until: reading.snapshot.until, rows: await rowsOf(table, reading) };
}

/** The rows after these commits, and after each: each folded, as whoever has the rows before it gets it. */
function replay(rows: Rows, commits: readonly Commit[]): ReadonlyMap<Position, Rows> {
  const states = new Map<Position, Rows>();
  let now = new Map(rows);
  for (const { position, changes } of commits) {
    now = new Map(now);
    for (const { table, before, after } of fold(changes)) {
      if (before) {
        // What the commit says was there is what whoever follows has.
        expect(now.get(keyText(table, before))).toEqual(before);
        now.delete(keyText(table, before));
      }
      if (after) now.set(keyText(table, after), after);
    }
    states.set(position, now);
  }
  return states;
}

describe.each(DRIVERS)('where commits end (%s)', (driver) => {
  test('a row that came before rows were read, and went after it, is told to whoever has read it', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const after = await open.source.tail();
    followed.world.exec("INSERT INTO t VALUES (1, 'came')");
    const { until, rows } = await all(open);
    expect([...rows.keys()]).toEqual(['1']);
    followed.world.exec('DELETE FROM t');
    const reader = await followed.read(open, after);
    await reader.settled();
    const rest = reader.commits.filter((commit) => !shows({ by: 'position', until }, { position: commit.position, xid: null }));
    expect(rest.flatMap(({ changes }) => fold(changes)).map(({ before, after: row }) => [before?.[1], row])).toEqual([['came', null]]);
    expect(reader.commits.map(({ position }) => position)).toContain(until);
  });

  test('what one process told ends there for every other, and after a restart', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const first = await followed.open();
    const other = await follower(followed.world.file, driver);
    const { position } = await first.source.floor();
    for (let n = 1; n <= 300; n++) {
      followed.world.exec(`INSERT INTO t(v) VALUES ('${n}'); ${n % 3 === 0 ? `DELETE FROM t WHERE id = ${n - 1}` : ''}`);
      // So that the other process looks in between.
      if (n % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const last = await first.source.tail();
    await expect.poll(() => other.told.at(-1), { timeout: 20_000 }).toBe(last);
    await other.kill();
    const here = await followed.read(first, position);
    await here.until(({ commits }) => commits.at(-1)?.position === last);
    const again = await followed.read(await followed.open(), position);
    await again.until(({ commits }) => commits.at(-1)?.position === last);
    const ends = here.commits.map((commit) => commit.position);
    expect(other.told.length).toBeGreaterThan(1);
    expect(ends).toEqual(expect.arrayContaining([...other.told]));
    expect(again.commits.map((commit) => commit.position)).toEqual(ends);
  });

  test('the tail that a process began at is an end for the next one', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const first = await followed.open();
    const { position } = await first.source.floor();
    followed.world.exec("INSERT INTO t VALUES (1, 'a')");
    const tail = await first.source.tail();
    await first.close();
    followed.world.exec("UPDATE t SET v = 'b'");
    const reader = await followed.read(await followed.open(), position);
    await reader.settled();
    expect(reader.commits.map((commit) => commit.position)).toContain(tail);
  });

  test('the floor is an end, however the rows before it were deleted', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const tails: Position[] = [];
    for (let n = 1; n <= 30; n++) {
      followed.world.exec(`BEGIN; INSERT INTO t VALUES (${n}, ''); UPDATE t SET v = 'x' WHERE id = ${n}; COMMIT`);
      tails.push(await open.source.tail());
    }
    followed.world.exec('DELETE FROM _rowcast_journal WHERE seq <= (SELECT min(seq) FROM _rowcast_journal) + 19');
    const floor = await open.source.floor();
    expect(tails).toContain(floor.position);
    const reader = await followed.read(open, floor.position);
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(reader.commits.flatMap(({ changes }) => changes).length).toBeGreaterThan(20);
    expect(reader.commits.flatMap(({ changes }) => changes).length % 2).toBe(0);
  });

  test('whoever looks, whenever: rows of any moment and the commits after it are the table, at every end the same for all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 60 }), async (steps) => {
        await using followed = new Followed(driver, DDL, [t]);
        const opened = [await followed.open(), await followed.open()] as [OpenDatabase, OpenDatabase];
        const { position: floor } = await opened[0].source.floor();
        const moments: { readonly until: Position; readonly rows: Rows }[] = [];
        const told: Position[] = [];
        for (const step of steps) {
          switch (step.do) {
            case 'write':
              followed.world.exec(`BEGIN; ${step.sql.join('; ')}; COMMIT`);
              break;
            case 'rows':
              moments.push(await all(opened[step.who]));
              break;
            case 'look':
              told.push(await opened[step.who].source.tail());
              break;
            case 'restart':
              await opened[step.who].close();
              opened[step.who] = await followed.open();
          }
        }
        const readers = await Promise.all(opened.map((open) => followed.read(open, floor)));
        const last = await opened[0].source.tail();
        for (const reader of readers) await reader.until(({ commits }) => (commits.at(-1)?.position ?? floor) >= last);
        const [one, other] = readers.map(({ commits }) =>
          replay(
            new Map(),
            commits.filter(({ position }) => position <= last),
          ),
        ) as [ReadonlyMap<Position, Rows>, ReadonlyMap<Position, Rows>];
        expect(other).toEqual(one);
        for (const position of told) if (position > floor) expect([...one.keys()]).toContain(position);
        for (const { until, rows } of moments) {
          expect(rows).toEqual(one.get(until) ?? new Map());
          replay(rows, readers[0]?.commits.filter(({ position }) => position > until) ?? []);
        }
      }),
      { numRuns: 25 },
    );
  });
});

const KEY = fc.integer({ min: 1, max: 4 });
const SQL = fc.oneof(
  fc.tuple(KEY, fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b') })).map(([id, v]) => `REPLACE INTO t VALUES (${id}, '${v}')`),
  KEY.map((id) => `DELETE FROM t WHERE id = ${id}`),
  fc.tuple(KEY, KEY).map(([from, to]) => `UPDATE OR REPLACE t SET id = ${to} WHERE id = ${from}`),
);
const WHO = fc.constantFrom(0 as const, 1 as const);
const STEP = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), sql: fc.array(SQL, { minLength: 1, maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rows' as const), who: WHO }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('look' as const), who: WHO }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), who: WHO }) },
);
