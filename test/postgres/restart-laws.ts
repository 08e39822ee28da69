import { expect } from 'vitest';
import { numberOf, type Floor, type ResetReason } from '../../src/core/index.ts';
import { lsnOf } from '../../src/postgres/lsn.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { freezingLine } from './breaking-line.ts';
import { connect, type AppConnection } from './fixture.ts';
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

const lsn = async (app: AppConnection): Promise<bigint> =>
  lsnOf(String((await app.all('SELECT pg_current_wal_insert_lsn() AS lsn'))[0]?.['lsn']));

/** What must hold from one life of a process to the next. Each place has the tables `item` and `other`. */
export const RESTART_LAWS: Readonly<Record<string, (place: Place, server: PostgresServer) => Promise<void>>> = {
  async 'a process that starts again reads exactly the commits that it read before, and then the others'(place) {
    // A clock by which everything that is done from time to time has been done.
    const first = await place.follow({ ...FROM_FLOOR, clock: testClock(200) });
    for (let id = 1; id <= 20; id++) await place.app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
    await first.settled();
    await rounds(place, 20);
    await first[Symbol.asyncDispose]();
    await place.app.run(`INSERT INTO item VALUES (21, 'x')`);
    await using again = await place.follow(FROM_FLOOR);
    await again.settled();
    const told = (follower: Follower): unknown => follower.commits.map(({ position, xid, changes }) => [position, xid, changes.length]);
    expect(told({ ...again, commits: again.commits.slice(0, first.commits.length) } as Follower)).toEqual(told(first));
    expect([ids(again), again.lost]).toEqual([Array.from({ length: 21 }, (_, at) => at + 1), []]);
    expect(again.open.source.epoch).toBe(first.open.source.epoch);
    expect(await again.open.source.floor()).toMatchObject({ reason: 'retention' });
    // Whoever asks for less gets no more than that.
    await again.stop();
    const at = again.at;
    again.commits.length = 0;
    again.read();
    await again.settled();
    expect(again.commits.every(({ position }) => position > at)).toBe(true);
  },

  async 'a crash of server and process at once loses nothing, and nothing comes twice to whoever knows where it was'(place, server) {
    const seen = new Map<string, readonly unknown[]>();
    let at = '';
    let id = 0;
    for (let life = 0; life < 4; life++) {
      const follower = await until(() =>
        place.follow({ ...FROM_FLOOR, database: { confirmAfter: { ms: 500, bytes: 0 } } }).catch(() => null),
      );
      const writer = await connect(place.world.url);
      const from = id;
      const writing = (async () => {
        for (;;) await writer.run(`INSERT INTO item VALUES (${++id}, 'x')`); // sql: a number
      })().catch(() => undefined);
      await until(() => id > from + 150 && follower.commits.length > 100);
      await server.stop('immediate');
      await follower[Symbol.asyncDispose]();
      await writing;
      await writer.close().catch(() => undefined);
      await server.start();
      const again = follower.commits.filter(({ position }) => seen.has(position));
      for (const { position, changes } of again) expect(changes.map(({ after }) => after)).toEqual(seen.get(position));
      const fresh = follower.commits.filter(({ position }) => position > at);
      for (const { position, changes } of fresh) seen.set(position, changes.map(({ after }) => after)); // prettier-ignore
      at = fresh.at(-1)?.position ?? at;
      expect(follower.lost).toEqual([]);
    }
    const app = await connect(place.world.url);
    await using last = await place.follow(FROM_FLOOR);
    await last.settled();
    const rows = await app.all('SELECT id FROM item ORDER BY id');
    for (const { position, changes } of last.commits) if (position > at) seen.set(position, changes.map(({ after }) => after)); // prettier-ignore
    await app.close();
    expect([...seen].toSorted(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, images]) => images.map((image) => Number((image as string[])[0])))) // prettier-ignore
      .toEqual(rows.map((row) => row['id']));
  },

  async 'how far the server may forget is written down before it is told'({ app, slot, follow, confirmed }) {
    await using _ = await follow({ ...FROM_FLOOR, database: { confirmAfter: { ms: 0, bytes: 0 } } });
    const start = await confirmed();
    for (let id = 1; (await confirmed()) < start + 200_000n; id++) {
      await app.run(`INSERT INTO item VALUES (${id}, repeat('x', 3000))`); // sql: a number
      const told = await confirmed();
      const [row] = await app.all(`SELECT value::json->>'position' AS position FROM rowcast.meta WHERE key = 'confirmed:${slot}'`); // sql: a name of ours
      expect(numberOf(String(row?.['position']))).toBeGreaterThanOrEqual(told);
    }
  },

  async 'the server keeps as much behind as it was asked to'({ app, follow, confirmed }) {
    const mib = 1024n * 1024n;
    await using follower = await follow({ ...FROM_FLOOR, database: { confirmAfter: { ms: 1e9, bytes: 2 * Number(mib) } } });
    const start = await confirmed();
    for (let id = 1; (await confirmed()) === start; id++) {
      expect(id).toBeLessThan(100);
      await app.run(`INSERT INTO item VALUES (${id}, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 6000) i))`); // sql: a number
      await until(() => follower.changes.length === id);
    }
    expect(numberOf(follower.at) - (await confirmed())).toBeGreaterThanOrEqual(2n * mib);
    expect(numberOf(follower.at) - (await confirmed())).toBeLessThan(4n * mib);
  },

  async 'a commit that no query shows yet is kept, however long it has been acknowledged; marks do not wait for it'(place) {
    const { app, world, follow, confirmed } = place;
    await app.run('CREATE TABLE unbound (id integer)');
    const ghost = async (names: string): Promise<void> => {
      await app.run(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`); // sql: one of two constants
      await app.run('SELECT pg_reload_conf()');
      await until(async () => (await app.all('SHOW synchronous_standby_names'))[0]?.['synchronous_standby_names'] === names);
    };
    const options = { ...FROM_FLOOR, database: { confirmAfter: { ms: 0, bytes: 0 } } };
    await app.run('SET synchronous_commit = local');
    const [probe, other] = [await world.other(), await world.other()];
    // The server does not take a setting everywhere at once.
    const holdsUp = async (): Promise<void> => {
      let done = false;
      do {
        done = false;
        probing = probe.run('INSERT INTO unbound VALUES (1)').then(() => void (done = true));
        await until(async () => done || (await app.all(`SELECT 1 FROM pg_stat_activity WHERE pid = ${probe.pid} AND wait_event = 'SyncRep'`)).length > 0); // prettier-ignore
      } while (done);
    };
    let probing: Promise<void> | null = null;
    let waiting: Promise<void> | null = null;
    let at = '';
    try {
      {
        await using follower = await follow(options);
        await follower.settled();
        await ghost('nobody');
        await holdsUp();
        // What is written down about the log waits for no standby either.
        await app.run('INSERT INTO other VALUES (7)');
        const seen = await until(() => follower.commits.find(({ changes }) => changes.length > 0));
        await until(async () => (await confirmed()) >= numberOf(seen.position));
        waiting = other.run(`INSERT INTO item VALUES (1, 'not yet')`);
        await follower.settled().then(() => until(() => ids(follower).includes(1)));
        expect(await app.all('SELECT 1 FROM item')).toEqual([]);
        at = follower.commits.findLast(({ changes }) => changes.length > 0)?.position ?? '';
        for (let id = 2; id < 6; id++) {
          await app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
          await follower.settled();
          await rounds(place, 2);
        }
        expect(await confirmed()).toBeLessThan(numberOf(at));
      }
      await using again = await follow(options);
      await again.settled();
      expect(ids(again)).toEqual([1, 2, 3, 4, 5]);
      await ghost('');
      await Promise.all([probing, waiting]);
      await app.run(`INSERT INTO item VALUES (6, 'x')`);
      await until(async () => (await confirmed()) > numberOf(at));
    } finally {
      await ghost('');
      await Promise.all([probing, waiting]);
    }
  },

  async 'what has come and is not acknowledged is kept, whatever else is written'(place, server) {
    const { app, follow, confirmed, world } = place;
    await app.run('CREATE TABLE unbound (text text)');
    const follower = await follow({ ...FROM_FLOOR, acknowledges: false, database: { confirmAfter: { ms: 0, bytes: 0 } } });
    await app.run(`INSERT INTO item VALUES (1, 'x')`);
    await until(() => ids(follower).includes(1));
    await app.run(`INSERT INTO unbound SELECT repeat(md5(i::text), 30) FROM generate_series(1, 5000) i`);
    await rounds(place, 4);
    expect(await confirmed()).toBeLessThan(numberOf(follower.at));
    await server.restart('immediate');
    await follower[Symbol.asyncDispose]();
    await using again = await follow(FROM_FLOOR);
    const late = await connect(world.url);
    await late.close();
    await again.settled();
    expect(ids(again)).toEqual([1]);
  },

  async 'an idle reader lets the log of others go, and writes nothing down when there is nothing to let go of'(place, server) {
    const { app, slot, follow, confirmed } = place;
    await using follower = await follow({ ...FROM_FLOOR, database: { confirmAfter: { ms: 0, bytes: 0 } } });
    await follower.settled();
    const elsewhere = await connect(server.url);
    await elsewhere.run(`CREATE TABLE IF NOT EXISTS noise (text text)`);
    await elsewhere.run(`INSERT INTO noise SELECT repeat(md5(i::text), 30) FROM generate_series(1, 5000) i`);
    const end = await lsn(elsewhere);
    await elsewhere.run('DROP TABLE noise');
    await elsewhere.close();
    await until(async () => (await confirmed()) >= end - 1_200_000n);
    const written = async (): Promise<unknown> =>
      (await app.all(`SELECT xmin FROM rowcast.meta WHERE key = 'confirmed:${slot}'`))[0]?.['xmin']; // sql: a name of ours
    await rounds(place, 2);
    const before = await written();
    await rounds(place, 4);
    expect(await written()).toBe(before);
  },

  async 'a server that is shut down is not held up by what it was not told to forget'(place, server) {
    await using follower = await place.follow(FROM_FLOOR);
    await place.app.run(`INSERT INTO item VALUES (1, 'x')`);
    await follower.settled();
    await server.restart('fast');
    await follower.settled();
    expect([ids(follower), follower.lost]).toEqual([[1], []]);
  },

  async 'the connection of a process whose machine has gone is waited for until the server has given it up'(place) {
    const line = await freezingLine(place.world.url);
    // Longer than a process that leaves is waited for.
    await place.app.run(`ALTER DATABASE "${new URL(place.world.url).pathname.slice(1)}" SET wal_sender_timeout = '6s'`); // sql: a name of ours
    try {
      const gone = await place.follow({ ...FROM_FLOOR, database: { replicationUrl: line.url } });
      await place.app.run(`INSERT INTO item VALUES (1, 'x')`);
      await gone.settled();
      line.freeze();
      await using follower = await place.follow(FROM_FLOOR);
      await follower.settled();
      expect([ids(follower), follower.lost]).toEqual([[1], []]);
      await line.close();
      await gone[Symbol.asyncDispose]();
    } finally {
      await line.close();
    }
  },

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

  async 'a receipt brings back what it was left with'({ follow }) {
    await using follower = await follow(FROM_FLOOR);
    const receipts = [
      { client: 'revoker', write: 1, revokes: { user: 'a"b\\' } },
      { client: 'revoker', write: 2, revokes: { session: 's' } },
      { client: 'writer', write: 3, answer: { ok: true, pk: 1 } },
    ] as const;
    for (const receipt of receipts) await follower.open.source.mark(receipt);
    await until(() => follower.commits.length === receipts.length);
    expect(follower.commits.flatMap((commit) => commit.receipts)).toEqual(receipts);
  },

  async 'where how far it was read may not be written down, a start is refused with the statement that cures it'({ app, world, slot }) {
    const role = `${slot}_reader`;
    await (await Follower.of(postgres({ url: world.url, slot }), [bound(ITEM)]))[Symbol.asyncDispose]();
    await app.run(`DELETE FROM rowcast.meta WHERE key LIKE 'followed:%'`);
    await app.run(`CREATE ROLE "${role}" LOGIN REPLICATION`); // sql: a name of ours
    try {
      await app.run(`GRANT USAGE ON SCHEMA rowcast TO "${role}"`); // sql: a name of ours
      await app.run(`GRANT SELECT ON ALL TABLES IN SCHEMA rowcast, public TO "${role}"`); // sql: a name of ours
      const url = new URL(world.url);
      url.username = role;
      const open = () => Follower.of(postgres({ url: url.href, slot }), [bound(ITEM)], { setup: 'check' });
      await expect(open()).rejects.toMatchObject({
        code: 'setup_needed',
        message: expect.stringContaining('GRANT SELECT, INSERT, UPDATE ON'),
      });
      await app.run(`GRANT INSERT, UPDATE ON rowcast.meta TO "${role}"`); // sql: a name of ours
      await (await open())[Symbol.asyncDispose]();
    } finally {
      await app.run(`DROP OWNED BY "${role}"`); // sql: a name of ours
      await app.run(`DROP ROLE "${role}"`); // sql: a name of ours
    }
  },
};

/** The reader has spoken to the server so many times: whatever it does by a clock, it has done. */
async function rounds({ app, slot }: Place, count: number): Promise<void> {
  const heard = async (): Promise<string> =>
    String(
      (
        await app.all(
          `SELECT reply_time::text FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid WHERE slot_name = '${slot}'`,
        )
      )[0]?.['reply_time'],
    ); // sql: a name of ours
  for (let n = 0; n < count; n++) {
    const last = await heard();
    await until(async () => (await heard()) !== last);
  }
}

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
