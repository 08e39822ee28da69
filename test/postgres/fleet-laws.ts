import { expect } from 'vitest';
import type { Position } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { bound } from './bare-model.ts';
import { testClock, until, type Follower } from './follower.ts';
import { readingChild, type Child } from './reading-process.ts';
import { ids, ITEM, walsender, type Place } from './stream-laws.ts';

const FROM_FLOOR = { clock: testClock(), from: 'floor' } as const;

/** Slots that begin with the name, by name: whether they are temporary, and who reads by them. */
const slots = (place: Place): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  place.app.all(
    `SELECT slot_name, temporary, active_pid FROM pg_replication_slots WHERE slot_name LIKE '${place.slot}%' ORDER BY slot_name`,
  ); // sql: a name of ours

const insert = (place: Place, id: number): Promise<void> => place.app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number

/** What must hold of several processes on one database, each of which reads for itself. */
export const FLEET_LAWS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  async 'the first process reads by the slot that is kept, others by slots that go with them, and all read the same'(place) {
    await using first = await place.follow(FROM_FLOOR);
    await using second = await place.follow(FROM_FLOOR);
    await using third = await place.follow(FROM_FLOOR);
    for (let id = 1; id <= 20; id++) await insert(place, id);
    for (const each of [first, second, third]) await each.settled();
    await until(() => [first, second, third].every((each) => ids(each).length === 20));
    const rows = (each: Follower): unknown =>
      each.commits.flatMap(({ position, xid, changes }) =>
        changes.length > 0 ? [[position, xid, changes.map(({ after }) => after)]] : [],
      );
    expect(rows(second)).toEqual(rows(first));
    expect(rows(third)).toEqual(rows(first));
    expect((await slots(place)).map(({ temporary }) => temporary)).toEqual([false, true, true]);
    expect(new Set([first, second, third].map(({ open }) => `${open.source.epoch} ${open.secret}`)).size).toBe(1);
    expect([first, second, third].flatMap(({ failures, lost }) => [...failures, ...lost])).toEqual([]);
    await second[Symbol.asyncDispose]();
    await third[Symbol.asyncDispose]();
    expect(await slots(place)).toHaveLength(1);
  },

  async 'a process that comes later knows what was told a while ago, whatever transactions are open'(place) {
    await using first = await place.follow(FROM_FLOOR);
    for (let id = 1; id <= 5; id++) await insert(place, id);
    await first.settled();
    const before = first.commits.find(({ changes }) => changes.length > 0)?.position as Position;
    const other = await place.world.other();
    await other.run('BEGIN');
    await other.run(`INSERT INTO item VALUES (100, 'x')`);
    await using second = await place.follow(FROM_FLOOR);
    expect((await second.open.source.floor()).position < before).toBe(true);
    await other.run('COMMIT');
    await second.settled();
    expect([ids(second), second.lost]).toEqual([[1, 2, 3, 4, 5, 100], []]);
  },

  async 'a connection that is cut loses nothing, whichever slot it was read by'(place) {
    await using first = await place.follow(FROM_FLOOR);
    await using second = await place.follow(FROM_FLOOR);
    for (let round = 0; round < 3; round++) {
      await insert(place, 3 * round);
      for (const each of [first, second]) await each.settled();
      await insert(place, 3 * round + 1);
      await place.app.run(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name LIKE '${place.slot}%'`); // sql: a name of ours
      await insert(place, 3 * round + 2);
      for (const each of [first, second]) await each.settled();
    }
    for (const each of [first, second]) expect([ids(each), each.lost]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8], []]);
    await until(async () => (await slots(place)).length === 2);
  },

  async 'the slot that is kept is never long without a reader, and changing over to it loses nothing'(place) {
    const first = await place.follow(FROM_FLOOR);
    // All that is done every half a minute is done three times a second.
    await using second = await place.follow({ ...FROM_FLOOR, clock: testClock(100) });
    await using third = await place.follow({ ...FROM_FLOOR, clock: testClock(100) });
    let id = 0;
    await insert(place, ++id);
    for (const each of [first, second, third]) await each.settled();
    await first[Symbol.asyncDispose]();
    while ((await walsender(place.app, place.slot)) === null) await insert(place, ++id);
    for (let more = 0; more < 20; more++) await insert(place, ++id);
    for (const each of [second, third]) await each.settled();
    for (const each of [second, third]) {
      expect(ids(each)).toEqual(Array.from({ length: id }, (_, at) => at + 1));
      expect([each.lost, each.failures]).toEqual([[], []]);
    }
    expect((await slots(place)).map(({ temporary }) => temporary)).toEqual([false, true]);
  },

  async 'a slot that is kept and was cut off, or dropped, is made anew by who reads on by another, who loses nothing'(place) {
    const first = await place.follow(FROM_FLOOR);
    await using second = await place.follow({ ...FROM_FLOOR, clock: testClock(100) });
    await insert(place, 1);
    for (const each of [first, second]) await each.settled();
    await first[Symbol.asyncDispose]();
    await until(
      () =>
      place.app.run(`SELECT pg_drop_replication_slot('${place.slot}')`).then(() => true, () => false), // prettier-ignore
    ).catch(() => undefined);
    let id = 1;
    await until(async () => {
      await insert(place, ++id);
      const [kept] = await slots(place);
      return kept?.['slot_name'] === place.slot && kept['active_pid'] !== null;
    });
    await insert(place, ++id);
    await second.settled();
    expect([ids(second), second.lost]).toEqual([Array.from({ length: id }, (_, at) => at + 1), []]);
  },

  async 'a table whose changes were lost for a while is lost for every process, once each, and for those that come later'(place) {
    await using first = await place.follow({ ...FROM_FLOOR, clock: testClock(100) });
    await using second = await place.follow({ ...FROM_FLOOR, clock: testClock(100) });
    for (const each of [first, second]) await each.settled();
    await place.app.run('ALTER PUBLICATION rowcast DROP TABLE item');
    await place.app.run(`INSERT INTO item VALUES (1, 'nobody is told')`);
    await until(() => [first, second].every(({ lost }) => lost.length > 0));
    await insert(place, 2);
    await using third = await place.follow(FROM_FLOOR);
    for (const each of [first, second, third]) await each.settled();
    // However late it comes, it has either what was lost, or a floor after it.
    const at = first.commits.findLast(({ lost }) => lost.length > 0)?.position as Position;
    const { position } = await third.open.source.floor();
    expect(third.lost.length > 0 || position >= at).toBe(true);
    for (const each of [first, second]) expect([...new Set(each.lost)]).toEqual(['item publication_changed']);
  },

  async 'processes that are killed leave no slot behind, and start again where they were'(place) {
    const children: Child[] = [];
    try {
      for (let each = 0; each < 3; each++) children.push(readingChild(place.world.url, { slot: place.slot }));
      await until(() => children.every(({ said }) => said.length > 0));
      let id = 0;
      for (let round = 0; round < 6; round++) {
        for (let more = 0; more < 10; more++) await insert(place, ++id);
        const at = round % 3;
        const killed = children[at] as (typeof children)[number];
        await until(() => killed.told().length > 0);
        killed.kill();
        await killed.ended;
        for (let more = 0; more < 10; more++) await insert(place, ++id);
        children[at] = readingChild(place.world.url, { slot: place.slot });
        await until(() => (children[at] as typeof killed).said.length > 0);
      }
      await insert(place, ++id);
      await until(() => children.every((each) => each.told().some(({ ids: told }) => told.includes(String(id)))));
      for (const each of children) {
        const told = each.told().flatMap((commit) => commit.ids.map(Number));
        // From its floor on, nothing is missing, and nothing is there twice.
        expect(told).toEqual(Array.from({ length: told.length }, (_, more) => id - told.length + 1 + more));
        // Positions are the database's: what one calls a commit, all do.
        const others = children.flatMap((other) => other.told());
        for (const { at, xid } of each.told())
          expect(others.filter((other) => other.xid === xid).every((other) => other.at === at)).toBe(true);
      }
      expect((await slots(place)).map(({ temporary }) => temporary)).toEqual([false, true, true]);
    } finally {
      for (const each of children) each.kill();
      await Promise.all(children.map(({ ended }) => ended));
    }
    await until(async () => (await slots(place)).length === 1);
  },

  async 'what several processes read by is nothing amiss to who looks'(place) {
    const database = postgres({ url: place.world.url, slot: place.slot });
    await using first = await place.follow(FROM_FLOOR);
    await using second = await place.follow(FROM_FLOOR);
    for (const each of [first, second]) await each.settled();
    const findings = await database.examine?.([bound(ITEM)]);
    expect(findings?.filter(({ about, level }) => about.startsWith('slot') && level !== 'ok')).toEqual([]);
    expect(findings?.find(({ about }) => about === `slots ${place.slot}_*`)).toMatchObject({
      level: 'ok',
      message: expect.stringContaining('1 more process') as string,
    });
  },
};
