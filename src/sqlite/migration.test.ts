import { describe, expect, test } from 'vitest';
import { DRIVERS, otherProcess } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import { UNREADABLE, type Table } from '../core/index.ts';
import { suiteClock } from '../testing/opened.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, note TEXT, extra TEXT)';
const t = model('t', 'id integer, name text, note text', 'id');

const REBUILD = [
  'PRAGMA foreign_keys = OFF',
  'BEGIN',
  'CREATE TABLE new_t(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT, extra TEXT)',
  'INSERT INTO new_t SELECT id, name, note, extra FROM t',
  'DROP TABLE t',
  'ALTER TABLE new_t RENAME TO t',
  'COMMIT',
];

describe.each(DRIVERS)('migrations while the table is followed (%s)', (driver) => {
  test('a rebuilt table is followed again, and its viewers are told to read again', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 'a', null, null)");
    const reader = await followed.read();
    const other = otherProcess(followed.world.file);
    for (const step of REBUILD) await other.run(step);
    await other.run("INSERT INTO t VALUES (2, 'unseen', null, null)");
    await other.close();
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    followed.world.exec("UPDATE t SET name = 'b' WHERE id = 1");
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost).map(({ table, reason }) => [table.id, reason])).toEqual([['t', 'schema']]);
    expect(reader.changes.at(-1)).toMatchObject({ before: { id: 1, name: 'a' }, after: { id: 1, name: 'b' } });
  });

  test('with `check`, a read whose triggers are gone says which statements bring them back', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    await (await followed.open()).close();
    const open = await followed.open({ setup: 'check' });
    const reader = await followed.read(open);
    for (const step of REBUILD) followed.world.exec(step);
    await expect(reader.until(() => false)).rejects.toMatchObject({
      code: 'setup_needed',
      message: expect.stringContaining('CREATE TRIGGER') as string,
    });
  });

  test('a table that was rebuilt while nobody looked is lost to a reader that comes back', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const first = await followed.open();
    const after = await first.source.tail();
    await first.close();
    for (const step of REBUILD) followed.world.exec(step);
    followed.world.exec("INSERT INTO t VALUES (2, 'unseen', null, null)");
    const reader = await followed.read(await followed.open(), after);
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost).map(({ reason }) => reason)).toEqual(['schema']);
  });

  test('columns added, and columns that the model does not have dropped or renamed, are nothing', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const reader = await followed.read();
    followed.world.exec('ALTER TABLE t ADD COLUMN more TEXT');
    followed.world.exec('ALTER TABLE t DROP COLUMN extra');
    followed.world.exec('ALTER TABLE t RENAME COLUMN more TO less');
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(reader.changes).toEqual([{ table: 't', before: null, after: { id: 1, name: 'a', note: null } }]);
  });

  test("a column of the model cannot be dropped while it is followed: SQLite itself refuses, the app's writes go on, and teardown is the cure", async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    expect(() => followed.world.exec('ALTER TABLE t DROP COLUMN note')).toThrow(/_rowcast_\w+_t .*note/);
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await open.close();
    await followed.world.database().teardown([]);
    followed.world.exec('ALTER TABLE t DROP COLUMN note');
    followed.world.exec("INSERT INTO t(id, name) VALUES (2, 'b')");
  });

  test('a column that the code no longer has can be dropped once the new code has started', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    await (await followed.open()).close();
    await using newer = new Followed(driver, 'SELECT 1', [model('t', 'id integer, name text', 'id')]);
    const open = await newer.open({ database: followed.world.database() });
    followed.world.exec('ALTER TABLE t DROP COLUMN note');
    const reader = await newer.read(open);
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await reader.settled();
    expect(reader.changes).toEqual([{ table: 't', before: null, after: { id: 1, name: 'a' } }]);
  });

  test('a process with a narrower model does not blind one with a wider model: that one is told, then sees all', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const reader = await followed.read();
    await using newer = new Followed(driver, 'SELECT 1', [model('t', 'id integer, name text', 'id')]);
    const other = await newer.read(await newer.open({ database: followed.world.database() }));
    followed.world.exec("INSERT INTO t VALUES (1, 'a', 'n', null)");
    await reader.settled();
    followed.world.exec("INSERT INTO t VALUES (2, 'b', 'n', null)");
    await reader.settled();
    const told = reader.commits.some(({ lost }) => lost.length > 0) || reader.changes.length === 2;
    expect(told).toBe(true);
    expect(reader.changes.at(-1)?.after).toEqual({ id: 2, name: 'b', note: 'n' });
    await other.settled();
    expect(other.changes.map(({ after }) => after?.['name'])).toEqual(['a', 'b']);
  });

  test("the app's triggers made later do not get between a row and its journal", async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const reader = await followed.read();
    followed.world.exec("CREATE TRIGGER later AFTER INSERT ON t BEGIN UPDATE t SET note = 'touched' WHERE id = NEW.id; END");
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await reader.settled();
    expect(reader.changes.map(({ before, after }) => [before?.['note'], after?.['note']])).toEqual([
      [undefined, null],
      [null, 'touched'],
    ]);
  });

  test('a unique index made later is covered from then on', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const reader = await followed.read();
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await reader.settled();
    followed.world.exec('CREATE UNIQUE INDEX u ON t(name)');
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    followed.world.exec("REPLACE INTO t(id, name) VALUES (2, 'a')");
    await reader.settled();
    expect(reader.changes.slice(1).map(({ before, after }) => [before?.['id'], after?.['id']])).toEqual([
      [1, undefined],
      [undefined, 2],
    ]);
  });

  test('a renamed table is refused at the next start, by its old name', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    await (await followed.open()).close();
    followed.world.exec('ALTER TABLE t RENAME TO s');
    followed.world.exec("INSERT INTO s(id, name) VALUES (1, 'a')");
    await expect(followed.open()).rejects.toMatchObject({ code: 'schema_drift' });
  });

  test('a dropped table is told as lost, the rows it took by cascade are deletes, and the table made anew is followed', async () => {
    const child = model('c', 'id integer, t integer', 'id');
    await using followed = new Followed(
      driver,
      `${DDL}; CREATE TABLE c(id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE)`,
      [t, child],
    );
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a'); INSERT INTO c VALUES (1, 1)");
    const reader = await followed.read();
    followed.world.exec('PRAGMA foreign_keys = ON; DROP TABLE t');
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    expect(reader.changes).toEqual([{ table: 'c', before: { id: 1, t: 1 }, after: null }]);
    followed.world.exec(DDL);
    await reader.until(({ commits }) => commits.flatMap(({ lost }) => lost).length > 1);
    followed.world.exec("INSERT INTO t(id, name) VALUES (2, 'b')");
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost).map(({ table, reason }) => [table.id, reason])).toEqual([
      ['t', 'schema'],
      ['t', 'schema'],
    ]);
    expect(reader.changes.at(-1)).toEqual({ table: 't', before: null, after: { id: 2, name: 'b', note: null } });
    expect(followed.log.errors.join()).toMatch(/no table "t"/);
  });

  test('a column added while others write resets nobody, and no change is missed: neither by one who follows nor by one who starts after it', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const reader = await followed.read();
    const others = await Promise.all(Array.from({ length: 3 }, () => followed.world.other()));
    const written = others.map(async (other, who) => {
      for (let n = 0; n < 60; n++) {
        const id = 1_000 * (who + 1) + n;
        await other.run(`BEGIN IMMEDIATE; INSERT INTO t(id, name) VALUES (${id}, 'a'); UPDATE t SET name = 'b' WHERE id = ${id}; COMMIT`);
      }
    });
    for (const column of ['more', 'most']) {
      await reader.until(({ changes }) => changes.length > (column === 'more' ? 20 : 150));
      followed.world.exec(`ALTER TABLE t ADD COLUMN ${column} TEXT DEFAULT 'x'`);
    }
    await Promise.all(written);
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(reader.changes).toHaveLength(3 * 60 * 2);
    const { position } = await (await followed.open()).source.floor();
    const late = await followed.read(await followed.open(), position);
    await late.settled();
    expect(late.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(late.changes).toEqual(reader.changes);
  });

  test.each([
    ['rebuilt with another type', 'name INTEGER', 'INSERT INTO new_t SELECT id, length(name), note, extra FROM t'],
    ['rebuilt as it was', 'name TEXT', 'INSERT INTO new_t SELECT id, name, note, extra FROM t'],
  ])('a table %s resets itself alone: its neighbour is told row by row, before and after', async (_, column, copy) => {
    const other = model('o', 'id integer, v text', 'id');
    await using followed = new Followed(
      driver,
      `${DDL}; CREATE TABLE o(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t(id, name) VALUES (1, 'a')`,
      [t, other],
    );
    const reader = await followed.read();
    followed.world.exec("INSERT INTO o VALUES (1, 'before')");
    const rebuild = ['BEGIN', `CREATE TABLE new_t(id INTEGER PRIMARY KEY, ${column}, note TEXT, extra TEXT)`, copy, 'DROP TABLE t', 'ALTER TABLE new_t RENAME TO t', 'COMMIT']; // prettier-ignore
    followed.world.exec(rebuild.join('; '));
    followed.world.exec("INSERT INTO o VALUES (2, 'after')");
    await reader.until(({ commits }) => commits.some(({ lost }) => lost.length > 0));
    followed.world.exec("INSERT INTO o VALUES (3, 'later')");
    await reader.settled();
    expect(new Set(reader.commits.flatMap(({ lost }) => lost.map(({ table, reason }) => `${table.id} ${reason}`)))).toEqual(
      new Set(['t schema']),
    );
    expect(reader.changes.filter(({ table }) => table === 'o').map(({ after }) => after?.['id'])).toEqual([1, 2, 3]);
  });

  test('a column that the code gains and nobody lists resets nobody: what was written before it is read on, without it', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const first = await followed.open();
    const { position } = await first.source.floor();
    followed.world.exec("INSERT INTO t(id, name) VALUES (1, 'a')");
    await first.close();
    followed.world.exec('ALTER TABLE t ADD COLUMN more TEXT');
    const wider = model('t', 'id integer, name text, note text, more text', 'id');
    const bound = [{ model: wider, listed: new Set(['name', 'note']) }];
    const open = await followed.world.database().open(bound, { setup: 'auto', clock: suiteClock, log: followed.log });
    followed.world.exec("UPDATE t SET more = 'm'");
    const reader = await followed.read(open, position);
    await reader.settled();
    await reader.stop();
    expect(reader.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(reader.commits.flatMap(({ changes }) => changes.map(({ before, after }) => [before, after]))).toEqual([
      [null, [1n, 'a', null, UNREADABLE]],
      [
        [1n, 'a', null, null],
        [1n, 'a', null, 'm'],
      ],
    ]);
    const table = open.tables.get(wider) as Table;
    await open.source.publish([{ table, before: null, after: { id: 9, name: 'p', note: null, more: 'said' } }], { client: 'p', write: 1 });
    const again = await followed.read(open, position);
    await again.settled();
    await again.stop();
    expect(again.changes.at(-1)?.after).toEqual({ id: 9, name: 'p', note: null, more: 'said' });
    await open.close();
  });

  test('old code, started again after the migration, follows what it knows; a new process beside it follows all', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    await (await followed.open()).close();
    followed.world.exec('ALTER TABLE t ADD COLUMN more TEXT');
    await using newer = new Followed(driver, 'SELECT 1', [model('t', 'id integer, name text, note text, more text', 'id')]);
    const wide = await newer.read(await newer.open({ database: followed.world.database() }));
    const old = await followed.read(await followed.open());
    await old.settled();
    const start = wide.commits.length;
    followed.world.exec("INSERT INTO t(id, name, more) VALUES (1, 'a', 'm'); UPDATE t SET more = 'n'");
    await Promise.all([old.settled(), wide.settled()]);
    expect(old.changes.map(({ after }) => after)).toEqual(Array.from({ length: 2 }, () => ({ id: 1, name: 'a', note: null })));
    expect(old.commits.flatMap(({ lost }) => lost)).toEqual([]);
    const told = wide.commits.slice(start).flatMap(({ lost }) => lost.map(({ reason }) => reason));
    if (told.length > 0) expect(new Set(told)).toEqual(new Set(['schema']));
    else expect(wide.changes.map(({ after }) => after?.['more'])).toEqual(['m', 'n']);
    followed.world.exec("UPDATE t SET more = 'o'");
    await wide.settled();
    expect(wide.changes.at(-1)).toMatchObject({ before: { more: 'n' }, after: { more: 'o' } });
  });

  test('VACUUM changes nothing that is followed', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t(id, name) VALUES (5, 'a'), (9, 'b'); DELETE FROM t WHERE id = 5");
    const reader = await followed.read();
    followed.world.exec('VACUUM');
    followed.world.exec("UPDATE t SET name = 'c'");
    await reader.settled();
    expect(reader.commits.flatMap(({ lost }) => lost)).toEqual([]);
    expect(reader.changes).toMatchObject([{ before: { id: 9, name: 'b' }, after: { id: 9, name: 'c' } }]);
  });
});
