import { expect } from 'vitest';
import { numberOf, positionOf, type ResetReason } from '../../src/core/index.ts';
import { postgres, type PostgresOptions } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { swallowingLine } from './breaking-line.ts';
import { connect, freshWorld, type AppConnection, type PostgresWorld } from './fixture.ts';
import { Follower, testClock, until, type FollowOptions } from './follower.ts';
import { lsnOf } from '../../src/postgres/log/lsn.ts';

export const ITEM = bareModel('item', { id: 'integer', text: 'text' });
export const OTHER = bareModel('other', { id: 'integer' });
const BOUND = [bound(ITEM), bound(OTHER)];

/** A database with two tables, `item` and `other`. */
export interface Place extends AsyncDisposable {
  readonly world: PostgresWorld;
  readonly app: AppConnection;
  readonly slot: string;
  follow(options?: FollowOptions & { readonly database?: Partial<PostgresOptions> }): Promise<Follower>;
  confirmed(): Promise<bigint>;
}

let places = 0;

export async function placeOn(server: PostgresServer): Promise<Place> {
  const world = await freshWorld(server);
  const { app } = world;
  const slot = `place_${process.pid}_${++places}`;
  await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
  await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
  return {
    world,
    app,
    slot,
    follow: ({ database, ...options } = {}) => Follower.of(postgres({ url: world.url, slot, connections: 3, ...database }), BOUND, options),
    confirmed: async () => {
      const [row] = await app.all(`SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`);
      return lsnOf(String(row?.['lsn']));
    },
    [Symbol.asyncDispose]: () => world.close(),
  };
}

export const ids = (follower: Follower): readonly unknown[] =>
  follower.changes.flatMap((changes) => changes.map(([, after]) => Number(after?.['id'])));
export const walsender = async (app: AppConnection, slot: string): Promise<unknown> =>
  (await app.all(`SELECT active_pid FROM pg_replication_slots WHERE slot_name = '${slot}'`))[0]?.['active_pid'];

/** What must hold of the stream of commits, whatever happens to its connection. Settings: `wal_sender_timeout` of 2 s. */
export const STREAM_LAWS: Readonly<Record<string, (place: Place, server: PostgresServer) => Promise<void>>> = {
  'a crashed server loses no commit and brings none twice'({ world, follow }, server) {
    return followed(follow, async (follower) => {
      let id = 0;
      for (let crash = 0; crash < 3; crash++) {
        const writing = (async () => {
          const writer = await until(() => connect(world.url).catch(() => null));
          try {
            for (;;) await writer.run(`INSERT INTO item VALUES (${++id}, 'x')`); // sql: a number
          } catch {
            await writer.close().catch(() => undefined);
          }
        })();
        const before = follower.commits.length;
        await until(() => follower.commits.length > before + 30);
        await server.restart('immediate');
        await writing;
      }
      await follower.settled();
      const reader = await connect(world.url);
      const rows = await reader.all('SELECT id FROM item ORDER BY id');
      await reader.close();
      expect(ids(follower)).toEqual(rows.map((row) => row['id']));
      expect(follower.lost).toEqual([]);
      const positions = follower.commits.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].toSorted());
      expect(follower.failures.length).toBeGreaterThanOrEqual(3);
    });
  },

  'a reader that stalls keeps its connection, and gets everything'({ app, slot, follow }) {
    return followed(follow, async (follower) => {
      await follower.settled();
      const pid = await walsender(app, slot);
      const go = follower.stall();
      for (let n = 0; n < 40; n++)
        await app.run(`INSERT INTO item SELECT ${n} * 100 + i, repeat('x', 10000) FROM generate_series(1, 100) i`); // sql: a number
      // Three times the server's patience.
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      go();
      await follower.settled();
      expect(ids(follower)).toHaveLength(4_000);
      expect([await walsender(app, slot), follower.failures]).toEqual([pid, []]);
    });
  },

  'the server is told exactly what was acknowledged, and nothing beyond'({ app, slot, follow, confirmed }) {
    return followed(
      follow,
      async (follower) => {
        for (const id of [1, 2]) await app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
        await until(() => follower.commits.length === 2);
        const [first, second] = follower.commits.map(({ position }) => position) as [string, string];
        follower.open.source.acknowledge(first);
        await until(async () => (await confirmed()) === numberOf(first));
        // Idle by now, with the second commit on its way: two more status messages must not pass it.
        const replies = async (): Promise<string> =>
          String(
            (await app.all(`SELECT reply_time FROM pg_stat_replication WHERE pid = ${await walsender(app, slot)}`))[0]?.['reply_time'],
          ); // sql: a number
        for (let n = 0; n < 2; n++) {
          const last = await replies();
          await until(async () => (await replies()) !== last);
        }
        expect(positionOf(await confirmed())).toBe(first);
        follower.open.source.acknowledge(second);
        await until(async () => (await confirmed()) >= numberOf(second));
      },
      { acknowledges: false, database: { confirmAfter: { ms: 0, bytes: 0 } } },
    );
  },

  'a connection that is cut is taken up again without loss'({ app, slot, follow }) {
    return followed(follow, async (follower) => {
      await app.run(`INSERT INTO item VALUES (1, 'x')`);
      await follower.settled();
      await app.run(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`); // sql: a name of ours
      await app.run(`INSERT INTO item VALUES (2, 'x')`);
      await follower.settled();
      expect([ids(follower), follower.lost, follower.failures.length]).toEqual([[1, 2], [], 1]);
    });
  },

  async 'a new connection that nobody answers is given up, and the next one reads on'({ app, world, slot, follow }) {
    const hole = await swallowingLine(world.url);
    try {
      await using follower = await follow({ clock: testClock(), database: { replicationUrl: hole.url } });
      await app.run(`INSERT INTO item VALUES (1, 'x')`);
      await follower.settled();
      hole.swallow(1);
      await app.run(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`); // sql: a name of ours
      await app.run(`INSERT INTO item VALUES (2, 'x')`);
      await follower.settled();
      expect([ids(follower), follower.lost, hole.swallowed()]).toEqual([[1, 2], [], 1]);
    } finally {
      await hole.close();
    }
  },

  async 'closing while a new connection is waited for ends at once'({ app, world, slot, follow }) {
    const hole = await swallowingLine(world.url);
    try {
      const follower = await follow({ clock: testClock(), database: { replicationUrl: hole.url } });
      await follower.settled();
      hole.swallow(Infinity);
      await app.run(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`); // sql: a name of ours
      await until(() => hole.swallowed() > 0);
      await follower[Symbol.asyncDispose]();
      // Nothing was given up for being late: it was cut.
      expect(hole.swallowed()).toBe(1);
    } finally {
      await hole.close();
    }
  },

  'a slot moved on by somebody else is a loss of every table, said first'({ app, slot, follow }) {
    return followed(follow, async (follower) => {
      await follower.settled();
      await follower.stop();
      await app.run(`INSERT INTO item VALUES (1, 'never seen')`);
      await app.run(`SELECT pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`); // sql: a name of ours
      await expectLoss(follower, app, 'slot_replaced');
    });
  },

  'a slot dropped and made again by somebody else is a loss of every table, said first'({ app, slot, follow }) {
    return followed(follow, async (follower) => {
      await follower.settled();
      await follower.stop();
      await app.run(`SELECT pg_drop_replication_slot('${slot}')`); // sql: a name of ours
      await app.run(`INSERT INTO item VALUES (1, 'never seen')`);
      await app.run(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`); // sql: a name of ours
      await expectLoss(follower, app, 'slot_replaced');
    });
  },

  'a transaction over the bound is a loss of the tables it touched, and of nothing else'({ app, follow }) {
    return followed(
      follow,
      async (follower) => {
        await app.run('INSERT INTO other VALUES (1)');
        await app.run(`INSERT INTO item SELECT i, 'x' FROM generate_series(1, 50) i`);
        await app.run(`INSERT INTO item SELECT i, 'x' FROM generate_series(51, 101) i`);
        await app.run('INSERT INTO other VALUES (2)');
        await follower.settled();
        expect(follower.lost).toEqual(['item bulk']);
        expect(follower.changes.map((changes) => changes.length)).toEqual([1, 50, 1]);
      },
      { database: { transaction: { rows: 50 } } },
    );
  },

  'a prepared transaction is nothing until it is committed'({ app, follow }) {
    return followed(follow, async (follower) => {
      for (const id of [1, 2]) {
        await app.run('BEGIN');
        await app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
        await app.run(`PREPARE TRANSACTION 'p${id}'`); // sql: a number
      }
      await follower.settled();
      expect(ids(follower)).toEqual([]);
      await app.run(`ROLLBACK PREPARED 'p1'`);
      await app.run(`COMMIT PREPARED 'p2'`);
      await follower.settled();
      expect(ids(follower)).toEqual([2]);
    });
  },

  'transaction numbers are those of snapshots, all 64 bits'({ app, follow }) {
    return followed(follow, async (follower) => {
      await app.run('BEGIN');
      const [row] = await app.all('SELECT pg_current_xact_id()::text AS xid');
      await app.run(`INSERT INTO item VALUES (1, 'x')`);
      await app.run('COMMIT');
      await follower.settled();
      expect(follower.commits.find(({ changes }) => changes.length > 0)?.xid).toBe(BigInt(String(row?.['xid'])));
    });
  },

  'without a cap on retention the slot ends with the process, and a cut connection is a loss'({ app, slot, follow }, server) {
    return uncapped(server, () =>
      followed(follow, async (follower) => {
        const slots = () => app.all(`SELECT slot_name, temporary FROM pg_replication_slots WHERE slot_name LIKE '${slot}%'`); // sql: a name of ours
        expect(await slots()).toMatchObject([{ temporary: true }]);
        expect(follower.log.warnings.join()).toContain('ALTER SYSTEM SET max_slot_wal_keep_size');
        await app.run(`INSERT INTO item VALUES (1, 'x')`);
        await follower.settled();
        await app.run(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name LIKE '${slot}%'`); // sql: a name of ours
        await until(() => follower.lost.length > 0);
        await app.run(`INSERT INTO item VALUES (2, 'x')`);
        await follower.settled();
        expect([ids(follower), follower.lost]).toEqual([
          [1, 2],
          ['item slot_lost', 'other slot_lost'],
        ]);
        await follower.stop();
        await follower.open.close();
        await until(async () => (await slots()).length === 0);
      }),
    );
  },
};

async function followed(
  follow: Place['follow'],
  law: (follower: Follower) => Promise<void>,
  options: Parameters<Place['follow']>[0] = {},
): Promise<void> {
  await using follower = await follow({ clock: testClock(), ...options });
  await law(follower);
}

async function expectLoss(follower: Follower, app: AppConnection, reason: ResetReason): Promise<void> {
  follower.commits.length = 0;
  follower.read();
  await app.run(`INSERT INTO item VALUES (2, 'seen')`);
  await follower.settled();
  expect([follower.lost, ids(follower)]).toEqual([[`item ${reason}`, `other ${reason}`], [2]]);
  expect(follower.commits[0]?.lost).toHaveLength(2);
}

async function uncapped(server: PostgresServer, law: () => Promise<void>): Promise<void> {
  const admin = await connect(server.url);
  const set = async (value: string): Promise<void> => {
    await admin.run(`ALTER SYSTEM SET max_slot_wal_keep_size = '${value}'`); // sql: one of two constants
    await admin.run('SELECT pg_reload_conf()');
    await until(async () => (await admin.all('SHOW max_slot_wal_keep_size'))[0]?.['max_slot_wal_keep_size'] === value);
  };
  try {
    await set('-1');
    await law();
  } finally {
    await set('1GB');
    await admin.close();
  }
}
