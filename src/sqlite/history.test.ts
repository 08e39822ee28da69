import BetterSqlite3 from 'better-sqlite3';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DRIVERS, follower } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import { suiteClock } from '../testing/opened.ts';
import { boundOf } from '../testing/tables.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';
const t = model('t', 'id integer, v text', 'id');

async function epochOf(followed: Followed): Promise<string> {
  const open = await followed.open();
  await open.source.tail();
  await open.close();
  return open.source.epoch;
}

/** A copy of the database alone, whole, and the way to put its content back into the same file. */
function backedUp({ world }: Followed): () => void {
  world.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  copyFileSync(world.file, `${world.file}.backup`);
  return () => {
    for (const each of ['-wal', '-shm']) rmSync(`${world.file}${each}`, { force: true });
    copyFileSync(`${world.file}.backup`, world.file);
  };
}

/** Writes to the file while nobody follows it. */
function write(file: string, ...statements: readonly string[]): void {
  const client = new BetterSqlite3(file);
  for (const statement of statements) client.exec(statement);
  client.close();
}

function marked(file: string): unknown {
  const client = new BetterSqlite3(`${file}-rowcast`);
  const found = client.prepare("SELECT value FROM meta WHERE name = 'used'").pluck().get();
  client.close();
  return found;
}

const INSERTS = Array.from({ length: 20 }, (_, at) => `INSERT INTO t(v) VALUES ('${at}')`);

describe.each(DRIVERS)('the history that positions are of (%s)', (driver) => {
  test('goes on over restarts, and over writes while nobody follows', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    for (const statement of INSERTS) followed.world.exec(statement);
    expect(await epochOf(followed)).toBe(epoch);
    expect(await epochOf(followed)).toBe(epoch);
  });

  test('is another one when an older copy is put back into the same file', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    const putBack = backedUp(followed);
    for (const statement of INSERTS) followed.world.exec(statement);
    expect(await epochOf(followed)).toBe(epoch);
    await followed.world.app.close();
    putBack();
    expect(await epochOf(followed)).not.toBe(epoch);
  });

  test('is another one when the older copy has been written to since, beyond every number that was told', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    const putBack = backedUp(followed);
    for (const statement of INSERTS) followed.world.exec(statement);
    expect(await epochOf(followed)).toBe(epoch);
    await followed.world.app.close();
    putBack();
    write(followed.world.file, ...INSERTS, ...INSERTS, ...INSERTS);
    expect(await epochOf(followed)).not.toBe(epoch);
  });

  test('goes on when a copy is put back that has everything that was told', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    for (const statement of INSERTS) followed.world.exec(statement);
    const epoch = await epochOf(followed);
    const putBack = backedUp(followed);
    await followed.world.app.close();
    write(followed.world.file, ...INSERTS);
    putBack();
    write(followed.world.file, ...INSERTS);
    expect(await epochOf(followed)).toBe(epoch);
  });

  test('is another one in a copy that took the place of the file', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    backedUp(followed);
    await followed.world.app.close();
    renameSync(`${followed.world.file}.backup`, followed.world.file);
    expect(await epochOf(followed)).not.toBe(epoch);
  });

  test('is another one when the file beside the database was deleted, or says nothing any more', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    rmSync(`${followed.world.file}-rowcast`);
    const second = await epochOf(followed);
    writeFileSync(`${followed.world.file}-rowcast`, 'nonsense, and more of it than fits into a header of SQLite'.repeat(100));
    const third = await epochOf(followed);
    expect(new Set([epoch, second, third]).size).toBe(3);
    expect(await epochOf(followed)).toBe(third);
  });

  test('goes on when a process that follows is killed', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    const killed = await follower(followed.world.file, driver);
    for (const statement of INSERTS) followed.world.exec(statement);
    await killed.kill();
    expect(killed.epoch).toBe(epoch);
    expect(await epochOf(followed)).toBe(epoch);
  });

  test('ends when the machine stops while the file is in use, and goes on when it was closed before', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const epoch = await epochOf(followed);
    expect(marked(followed.world.file)).toBeUndefined();
    const killed = await follower(followed.world.file, driver);
    await killed.kill();
    expect(marked(followed.world.file)).toMatch(/./);
    // As the file stands when another run of the machine finds it.
    write(`${followed.world.file}-rowcast`, "UPDATE meta SET value = 'another run' WHERE name = 'used'");
    const next = await epochOf(followed);
    expect(next).not.toBe(epoch);
    expect(marked(followed.world.file)).toBeUndefined();
    expect(await epochOf(followed)).toBe(next);
  });

  test('is in use until the last process has closed it', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const other = await follower(followed.world.file, driver);
    expect(other.epoch).toBe(open.source.epoch);
    await open.close();
    expect(marked(followed.world.file)).toMatch(/./);
    await other.stop();
    expect(marked(followed.world.file)).toBeUndefined();
  });

  test('lasts as long as the process where nothing can be written beside the database, which is said', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    mkdirSync(`${followed.world.file}-rowcast`);
    const warnings: string[] = [];
    const log = { info() {}, error() {}, warn: (_: object, message: string) => void warnings.push(message) };
    const opened = () => followed.world.database().open([boundOf(t)], { setup: 'auto', clock: suiteClock, log });
    const first = await opened();
    const reader = await followed.read(first);
    followed.world.exec("INSERT INTO t VALUES (1, 'a')");
    await reader.settled();
    expect(reader.changes).toEqual([{ table: 't', before: null, after: { id: 1, v: 'a' } }]);
    await reader.stop();
    await first.close();
    const second = await opened();
    await second.close();
    expect(second.source.epoch).not.toBe(first.source.epoch);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/app\.db-rowcast.*cannot be written.*let this process write there/);
  });

  test('leaves no file behind after teardown', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    await epochOf(followed);
    expect(existsSync(`${followed.world.file}-rowcast`)).toBe(true);
    await followed.world.app.close();
    await followed.world.database().teardown([]);
    expect(readdirSync(dirname(followed.world.file))).toEqual(['app.db']);
  });

  test('that is replaced while it is followed is an error, not a guess', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const reader = await followed.read(open);
    write(`${followed.world.file}-rowcast`, "UPDATE meta SET value = 'another' WHERE name = 'history'");
    followed.world.exec("INSERT INTO t VALUES (1, 'a')");
    await expect(reader.until(() => false)).rejects.toMatchObject({ code: 'source_lost' });
  });
});
