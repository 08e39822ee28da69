import { expect } from 'vitest';
import type { Floor, ResetReason } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { connect } from './fixture.ts';
import { Follower, testClock, until } from './follower.ts';
import { ids, ITEM, OTHER, type Place } from './stream-laws.ts';

const FROM_FLOOR = { clock: testClock(), from: 'floor' } as const;

/** A first life: it reads, acknowledges, and ends cleanly. What happens next happens while nobody runs. */
async function lived(place: Place): Promise<Follower> {
  const follower = await place.follow(FROM_FLOOR);
  await place.app.run(`INSERT INTO item VALUES (1, 'x')`);
  await place.app.run('INSERT INTO other VALUES (1)');
  await follower.settled();
  await follower[Symbol.asyncDispose]();
  return follower;
}

interface Second {
  readonly floor: Floor;
  readonly lost: readonly string[];
  readonly ids: readonly unknown[];
}

/** The life after: everything from the floor on, up to a row that is written now. */
async function second(place: Place): Promise<Second> {
  await using follower = await place.follow(FROM_FLOOR);
  const floor = await follower.open.source.floor();
  await place.app.run(`INSERT INTO item VALUES (9, 'seen')`);
  await follower.settled();
  expect(follower.failures).toEqual([]);
  return { floor, lost: follower.lost, ids: ids(follower) };
}

/** All that was known before is gone, by the floor; nothing is missing from there on. */
async function expectFloor(place: Place, first: Follower, reason: ResetReason): Promise<void> {
  const after = await second(place);
  expect([after.floor.reason, after.lost, after.ids]).toEqual([reason, [], [9]]);
  expect(after.floor.position > first.at).toBe(true);
  // Said once: the next life goes on from there, and knows what this one knew.
  await place.app.run('DELETE FROM item WHERE id = 9');
  const third = await second(place);
  expect([third.floor, third.lost, third.ids]).toEqual([after.floor, [], [9, NaN, 9]]);
}

/** What must be found when something was changed while nobody ran. Each place has the tables `item` and `other`. */
export const ABSENCE_LAWS: Readonly<Record<string, (place: Place, server: PostgresServer) => Promise<void>>> = {
  async 'a slot made again while nobody ran is where the log begins'(place) {
    const first = await lived(place);
    await place.app.run(`SELECT pg_drop_replication_slot('${place.slot}')`); // sql: a name of ours
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await place.app.run(`SELECT pg_create_logical_replication_slot('${place.slot}', 'pgoutput')`); // sql: a name of ours
    await expectFloor(place, first, 'slot_replaced');
  },

  async 'a slot moved on while nobody ran is where the log begins'(place) {
    const first = await lived(place);
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await place.app.run(`SELECT pg_replication_slot_advance('${place.slot}', pg_current_wal_lsn())`); // sql: a name of ours
    await expectFloor(place, first, 'slot_replaced');
  },

  async 'a slot dropped while nobody ran is made anew, and is where the log begins'(place) {
    const first = await lived(place);
    await place.app.run(`SELECT pg_drop_replication_slot('${place.slot}')`); // sql: a name of ours
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await expectFloor(place, first, 'slot_lost');
  },

  async 'a slot that the server cut off while nobody ran is made anew: the disk was never at risk'(place, server) {
    const first = await lived(place);
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await capped(server, () => overrun(place));
    await expectFloor(place, first, 'slot_lost');
  },

  async 'a slot that the server cut off under a reader that stalled is one loss of every table: the app was never held up'(place, server) {
    await using follower = await place.follow({ ...FROM_FLOOR, acknowledges: false });
    await follower.settled();
    await capped(server, async () => {
      const go = follower.stall();
      // More than all the buffers on the way hold: the server cannot send on.
      for (let n = 0; n < 40; n++)
        await place.app.run(`INSERT INTO item SELECT ${n} * 100 + i, repeat('x', 10000) FROM generate_series(1, 100) i`); // sql: a number
      await overrun(place);
      go();
      await until(() => follower.lost.length > 0);
    });
    await place.app.run(`INSERT INTO other VALUES (9)`);
    await follower.settled();
    expect([follower.lost, ids(follower).at(-1)]).toEqual([['item slot_lost', 'other slot_lost'], 9]);
  },

  async 'a slot that the server is about to cut off is said early, and louder when it is near'(place, server) {
    await using follower = await place.follow({ ...FROM_FLOOR, acknowledges: false, clock: testClock(200) });
    await follower.settled();
    await capped(
      server,
      async () => {
        const write = () =>
          place.app.run(`SELECT pg_logical_emit_message(false, 'noise', repeat('x', 1000000)) FROM generate_series(1, 4)`);
        await until(() => write().then(() => follower.log.warnings.some((warning) => warning.includes('% of what it may keep'))));
        expect(follower.log.errors).toEqual([]);
        await until(() => write().then(() => follower.log.errors.some((error) => error.includes('% of what it may keep'))));
      },
      '256MB',
    );
    expect(follower.lost).toEqual([]);
  },

  async 'a publication made again while nobody ran is where the log begins'(place) {
    const first = await lived(place);
    await place.app.run('DROP PUBLICATION rowcast');
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await expectFloor(place, first, 'publication_changed');
  },

  async 'a publication that left out deletes while nobody ran is where the log begins'(place) {
    const first = await lived(place);
    await place.app.run(`ALTER PUBLICATION rowcast SET (publish = 'insert')`);
    await place.app.run('DELETE FROM item');
    await place.app.run(`ALTER PUBLICATION rowcast SET (publish = 'insert, update, delete, truncate')`);
    await expectFloor(place, first, 'publication_changed');
  },

  async 'a table taken out and put back while nobody ran is lost alone'(place) {
    await lived(place);
    await place.app.run('ALTER PUBLICATION rowcast DROP TABLE item');
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    await place.app.run('ALTER PUBLICATION rowcast ADD TABLE item');
    await place.app.run(`INSERT INTO item VALUES (3, 'seen')`);
    const after = await second(place);
    expect([after.floor.reason, after.lost, after.ids]).toEqual(['retention', ['item publication_changed'], [1, 1, 3, 9]]);
    // The loss stands in the log, after everything that it speaks of, for as long as the log goes back to it; and is not said again.
    await place.app.run('DELETE FROM item WHERE id = 9');
    expect((await second(place)).lost).toEqual(['item publication_changed']);
  },

  async 'a table dropped and made again while nobody ran is lost alone'(place) {
    await lived(place);
    await place.app.run('DROP TABLE item');
    await place.app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    await place.app.run(`INSERT INTO item VALUES (2, 'never seen')`);
    const after = await second(place);
    expect([after.floor.reason, after.lost, after.ids]).toEqual(['retention', ['item publication_changed'], [1, 9]]);
  },

  async 'a partition attached with its rows while nobody ran loses its table'(place) {
    const { app, world, slot } = place;
    await app.run('CREATE TABLE parted (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)');
    await app.run('CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10)');
    const all = [bound(bareModel('parted', { id: 'integer', text: 'text' })), bound(OTHER)];
    const follow = () => Follower.of(postgres({ url: world.url, slot, connections: 3 }), all, FROM_FLOOR);
    await (await follow())[Symbol.asyncDispose]();
    await app.run('CREATE TABLE high (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO high VALUES (11, 'a')`);
    await app.run('ALTER TABLE parted ATTACH PARTITION high FOR VALUES FROM (10) TO (20)');
    await using again = await follow();
    await again.settled();
    expect(again.lost).toEqual(['parted schema']);
  },

  async 'a table that is bound for the first time is lost alone: the others go on as they were'(place) {
    const { app, world, slot } = place;
    await app.run(`CREATE TABLE third (id integer PRIMARY KEY)`);
    await lived(place);
    await app.run(`INSERT INTO item VALUES (2, 'x')`);
    const all = [bound(ITEM), bound(OTHER), bound(bareModel('third', { id: 'integer' }))];
    const follow = () => Follower.of(postgres({ url: world.url, slot, connections: 3 }), all, FROM_FLOOR);
    {
      await using more = await follow();
      await app.run(`INSERT INTO third VALUES (7)`);
      await more.settled();
      expect([more.lost, ids(more)]).toEqual([['third publication_changed'], [1, 1, 2, 7]]);
    }
    // Code of before and of after, in turns: what was followed all the time is not lost.
    await (await place.follow(FROM_FLOOR))[Symbol.asyncDispose]();
    await using again = await follow();
    await app.run(`INSERT INTO third VALUES (8)`);
    await again.settled();
    expect([again.lost, ids(again)]).toEqual([['third publication_changed'], [1, 1, 2, 7, 8]]);
  },

  async 'what one process missed is no loss of another one'(place) {
    const { app, world, slot, follow } = place;
    await using other = await Follower.of(
      postgres({ url: world.url, slot: `${slot}_b`, connections: 3 }),
      [bound(ITEM), bound(OTHER)],
      FROM_FLOOR,
    );
    await lived(place);
    await app.run(
      `UPDATE rowcast.meta SET value = replace(value, '"public.item":{', '"public.item":null,"x":{') WHERE key = 'followed:${slot}'`,
    ); // sql: a name of ours
    await using again = await follow(FROM_FLOOR);
    await again.settled();
    await other.settled();
    expect([again.lost, other.lost]).toEqual([['item schema'], []]);
  },

  async 'what was written down of another server, or timeline, says nothing here'(place) {
    const first = await lived(place);
    await place.app.run(
      `UPDATE rowcast.meta SET value = replace(value, '"history":"', '"history":"9') WHERE key = 'followed:${place.slot}'`,
    ); // sql: a name of ours
    await expectFloor(place, first, 'timeline');
  },

  async 'a copied database is another history'(place, server) {
    const first = await lived(place);
    const name = new URL(place.world.url).pathname.slice(1);
    const admin = await connect(server.url);
    await place.app.close();
    await until(() => admin.run(`CREATE DATABASE "${name}_copy" TEMPLATE "${name}"`).then(() => true, () => false)); // prettier-ignore
    const url = new URL(`${name}_copy`, server.url).href;
    try {
      await using copy = await Follower.of(postgres({ url, slot: `${place.slot}_copy`, connections: 3 }), [bound(ITEM)], FROM_FLOOR);
      await copy.settled();
      expect(copy.open.source.epoch).not.toBe(first.open.source.epoch);
    } finally {
      await admin.run(`SELECT pg_drop_replication_slot('${place.slot}_copy')`); // sql: a name of ours
      await admin.run(`DROP DATABASE "${name}_copy" WITH (FORCE)`); // sql: a name of ours
      await admin.close();
    }
  },
};

async function capped(server: PostgresServer, law: () => Promise<void>, kept = '16MB'): Promise<void> {
  const admin = await connect(server.url);
  const set = async (value: string): Promise<void> => {
    await admin.run(`ALTER SYSTEM SET max_slot_wal_keep_size = '${value}'`); // sql: one of our constants
    await admin.run('SELECT pg_reload_conf()');
    await until(async () => (await admin.all('SHOW max_slot_wal_keep_size'))[0]?.['max_slot_wal_keep_size'] === value);
  };
  try {
    await set(kept);
    await law();
  } finally {
    await set('1GB');
    await admin.close();
  }
}

/** Writes until the server has cut the slot off. */
async function overrun({ app, slot }: Place): Promise<void> {
  await until(async () => {
    await app.run(`SELECT pg_logical_emit_message(false, 'noise', repeat('x', 1000000)) FROM generate_series(1, 20)`);
    await app.run('CHECKPOINT');
    const [row] = await app.all(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = '${slot}'`); // sql: a name of ours
    return row === undefined || row['wal_status'] === 'lost';
  });
}
