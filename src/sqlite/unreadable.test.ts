import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import { UNREADABLE, type Image, type OpenDatabase, type Table } from '../core/index.ts';
import { rowWrite } from '../testing/store-write.ts';
import type { LogReader } from '../testing/opened.ts';
import { suiteClock } from '../testing/opened.ts';

const t = model('t', 'id integer, v text, secret integer', 'id');
const listed = new Set(['v']);
const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, secret INTEGER)';

/** The model with `secret` unlisted, so that a start without it is no error. */
async function opened(followed: Followed): Promise<OpenDatabase> {
  return followed.world.database().open([{ model: t, listed }], { setup: 'auto', clock: suiteClock, log: followed.log });
}

function secrets({ commits }: LogReader): readonly unknown[] {
  return commits.flatMap(({ changes }) => changes.flatMap(({ before, after }) => [before, after].map((image) => image?.[2])));
}

describe.each(DRIVERS)('a column that is not there as declared (%s)', (driver) => {
  test.each([
    ['missing', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)'],
    ['of another type', 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, secret TEXT)'],
  ])('%s at start, it is unreadable, not NULL, in every row of the log', async (_, ddl) => {
    await using followed = new Followed(driver, ddl, [t]);
    const open = await opened(followed);
    const reader = await followed.read(open);
    followed.world.exec("INSERT INTO t(id, v) VALUES (1, 'a'); UPDATE t SET v = 'b'");
    await reader.settled();
    await reader.stop();
    await open.close();
    expect(secrets(reader)).toEqual([undefined, UNREADABLE, UNREADABLE, UNREADABLE]);
  });

  test('renamed while its table is followed, it is unreadable from then on, for every later commit', async () => {
    await using followed = new Followed(driver, `${DDL}; INSERT INTO t VALUES (1, 'a', 1)`, [t]);
    const open = await opened(followed);
    const reader = await followed.read(open);
    followed.world.exec("ALTER TABLE t RENAME COLUMN secret TO is_secret; UPDATE t SET v = 'b'");
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.some(({ reason }) => reason === 'schema')));
    followed.world.exec("UPDATE t SET v = 'c'");
    await reader.settled();
    followed.world.exec("UPDATE t SET v = 'd'");
    await reader.settled();
    await reader.stop();
    await open.close();
    expect(secrets(reader).slice(-4)).toEqual([UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE]);
    expect(followed.log.errors.join()).toBe('');
  });

  test('a key that is not there as declared makes every change of its table a loss', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await opened(followed);
    const reader = await followed.read(open);
    followed.world.exec('ALTER TABLE t RENAME COLUMN id TO number');
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    followed.world.exec("INSERT INTO t(v) VALUES ('a')");
    const before = reader.commits.flatMap(({ lost }) => lost).length;
    await reader.until(({ commits }) => commits.flatMap(({ lost }) => lost).length > before);
    await reader.stop();
    await open.close();
    expect(reader.changes).toEqual([]);
  });

  test('the judge of a write is not told NULL for it, and gets the row really found', async () => {
    const noCase = model('n', 'name text, secret integer', 'name');
    await using followed = new Followed(
      driver,
      "CREATE TABLE n(name TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, role TEXT); INSERT INTO n VALUES ('admin', 'root')",
      [noCase],
    );
    const open = await followed.world
      .database()
      .open([{ model: noCase, listed: new Set() }], { setup: 'auto', clock: suiteClock, log: followed.log });
    const judged: (Image | null)[] = [];
    const { answer } = await open.store.write(
      rowWrite({
        table: open.tables.get(noCase) as Table,
        action: 'delete',
        key: ['ADMIN'],
        claim: { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' },
        judge(before) {
          judged.push(before);
          return { verdict: 'write', values: new Map() };
        },
      }),
    );
    await open.close();
    expect(judged).toEqual([['admin', UNREADABLE]]);
    expect(answer).toEqual({ ok: true, pk: 'admin' });
  });

  test('where a key tells apart what its column does not, exactly the named row is written', async () => {
    const named = model('n', 'name text, role text', 'name');
    const ddl = 'CREATE TABLE n(name TEXT COLLATE NOCASE NOT NULL, role TEXT, PRIMARY KEY (name COLLATE BINARY))';
    await using followed = new Followed(driver, `${ddl}; INSERT INTO n VALUES ('Admin', 'a'), ('admin', 'b'), ('ADMIN', 'c')`, [named]);
    const open = await followed.open();
    for (const [write, action] of [
      [1, 'update'],
      [2, 'delete'],
    ] as const) {
      const { answer } = await open.store.write(
        rowWrite({
          table: open.tables.get(named) as Table,
          action,
          key: [write === 1 ? 'admin' : 'ADMIN'],
          claim: { principal: 'p', receipt: { client: 'c', write }, hash: 'h' },
          judge: () => ({ verdict: 'write', values: new Map([[1, 'set']]) }),
        }),
      );
      expect(answer).toEqual({ ok: true, pk: write === 1 ? 'admin' : 'ADMIN' });
    }
    expect(await followed.world.app.all('SELECT * FROM n ORDER BY role')).toEqual([
      { name: 'Admin', role: 'a' },
      { name: 'admin', role: 'set' },
    ]);
  });
});
