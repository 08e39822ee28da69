import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { DRIVERS, freshWorld } from '../../test/sqlite/fixture.ts';
import { testClock, TestLog } from '../../test/postgres/follower.ts';
import { handModel } from '../../test/core/hand-made.ts';
import type { Bound, Finding, Model } from '../core/index.ts';
import { sqlite } from './index.ts';

const ITEM: Bound = {
  model: handModel('item', [{ name: 'id', column: 'id', sqlType: 'integer' }, 'text']) as unknown as Model,
  listed: new Set(['id', 'text']),
  grouped: [['text'], ['id', 'text']],
};
const amiss = (findings: readonly Finding[]) =>
  findings.filter(({ level }) => level !== 'ok').map(({ about, level }) => `${level} ${about}`);

describe.each(DRIVERS)('looking at a file over %s', (driver) => {
  const look = async (path: string, all: readonly Bound[] = [ITEM]): Promise<readonly Finding[]> =>
    (await sqlite(path, driver === 'node:sqlite' ? {} : { driver: BetterSqlite3 }).examine?.(all)) ?? [];

  test('what is missing is said, changes nothing, and what is said makes it', async () => {
    const world = freshWorld(driver);
    world.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)');
    const findings = await look(world.file);
    expect(amiss(findings)).toEqual(['warning journal_mode', 'warning journal', 'warning table item', 'warning table item']);
    expect(await look(world.file)).toEqual(findings);
    for (const { cure } of findings) for (const sql of cure) world.exec(sql);
    expect(amiss(await look(world.file))).toEqual([]);
    expect(await world.database().plan([ITEM])).toEqual([]);
    await world.close();
  });

  test('triggers that are gone from a table that is followed are an error, with the statements; tables that nobody binds are named', async () => {
    const world = freshWorld(driver);
    world.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)');
    world.exec('CREATE INDEX item_text ON item (text)');
    await (await world.database().open([ITEM], { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
    const unbound = await look(world.file, []);
    expect(amiss(unbound)).toEqual(['warning table item']);
    for (const sql of unbound.flatMap(({ cure }) => cure)) world.exec(sql);
    const findings = await look(world.file);
    expect(amiss(findings)).toEqual(['error table item']);
    for (const sql of findings.flatMap(({ cure }) => cure)) world.exec(sql);
    expect(amiss(await look(world.file))).toEqual([]);
    await world.close();
  });

  test('a table that is not as the code says hides no other, and nothing makes it reject', async () => {
    const world = freshWorld(driver);
    world.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)');
    const none = { model: handModel('none', ['id']) as unknown as Model, listed: new Set(['id']) };
    const findings = await look(world.file, [none, ITEM]);
    expect(findings.find(({ about }) => about === 'table none')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('migrations'),
    });
    expect(amiss(findings)).toContain('warning table item');
    expect(await look(`${world.file}.gone`)).toMatchObject([
      { about: 'file', level: 'error', message: expect.stringContaining('there is no file') },
    ]);
    await world.close();
  });
});
