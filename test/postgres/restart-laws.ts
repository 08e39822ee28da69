import { expect } from 'vitest';
import { numberOf } from '../../src/core/index.ts';
import { lsnOf } from '../../src/postgres/log/lsn.ts';
import { postgres } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bound } from './bare-model.ts';
import { freezingLine } from './breaking-line.ts';
import { connect, type AppConnection } from './fixture.ts';
import { Follower, testClock, until } from './follower.ts';
import { ids, ITEM, type Place } from './stream-laws.ts';

const FROM_FLOOR = { clock: testClock(), from: 'floor' } as const;
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
