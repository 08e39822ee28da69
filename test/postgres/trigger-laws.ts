import { expect } from 'vitest';
import type { Commit } from '../../src/core/index.ts';
import type { postgres } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { killingLine } from './breaking-line.ts';
import { connect, type AppConnection } from './fixture.ts';
import { Follower, testClock, TestLog, until } from './follower.ts';
import { readingChild } from './reading-process.ts';
import type { Site } from './setup-laws.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

/** How the journal is read: what every process tells of it, whatever becomes of the others and of itself. */
export const TRIGGER_LAWS: Readonly<Record<string, (site: Site, server: PostgresServer) => Promise<void>>> = {
  async 'a process that is killed between writing down what it read and telling it: the next tells the same, at the same positions'({
    app,
    world,
    database,
  }) {
    await app.run(WITH_ITEM);
    await (await opened(database())).close();
    const line = await killingLine(world.url, 'INSERT INTO "rowcast"."tick"', 4);
    const first = readingChild(line.url);
    line.onBreak(() => first.kill());
    try {
      await until(() => first.said.length > 0);
      for (let id = 1; !line.broken(); id++) {
        await app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await first.ended;
    } finally {
      await line.close();
    }
    const [count] = await app.all('SELECT count(*)::int AS items, (SELECT max(n)::int FROM rowcast.tick) AS tick FROM item');
    const second = readingChild(world.url);
    await until(() => second.told().flatMap(({ ids }) => ids).length === count?.['items']);
    second.kill();
    await second.ended;
    expect(second.said[0]).toEqual(first.said[0]);
    const told = first.told();
    expect(told.length).toBeGreaterThan(0);
    expect(second.told().slice(0, told.length)).toEqual(told);
    // The tick that nobody heard of is among those that were told then.
    const unheard = second.told().filter(({ at }) => tickOf(at) === BigInt(Number(count?.['tick'])));
    expect([unheard.length > 0, told.some(({ at }) => tickOf(at) === BigInt(Number(count?.['tick'])))]).toEqual([true, false]);
    const third = readingChild(world.url);
    await until(() => third.told().length === second.told().length);
    third.kill();
    await third.ended;
    expect(third.said).toEqual(second.said);
  },

  async 'processes that read side by side, while all look for news, tell the same commits at the same positions'({ app, world, database }) {
    await app.run(WITH_ITEM);
    const followers = await Promise.all(['a', 'b', 'c'].map(() => Follower.of(database(), [bound(ITEM)], { from: 'floor' })));
    const writers = await Promise.all(Array.from({ length: 6 }, () => world.other()));
    const write = async (writer: AppConnection, at: number): Promise<void> => {
      for (let n = 0; n < 40; n++) await writer.run(`INSERT INTO item VALUES (${1000 * at + n}, 'x')`); // sql: numbers
    };
    await Promise.all(writers.map(write));
    for (const follower of followers) await follower.settled();
    const [one, ...others] = followers.map(({ commits }) =>
      commits
        .filter(({ changes }) => changes.length > 0)
        .map(({ position, xid, changes }) => [position, xid, changes.map(({ after }) => after)]),
    );
    expect(one).toHaveLength(240);
    for (const other of others) expect(other).toEqual(one);
    for (const follower of followers) {
      expect([follower.failures, follower.log.errors, follower.log.warnings]).toEqual([[], [], []]);
      await follower[Symbol.asyncDispose]();
    }
  },

  async 'what was told is kept for a while; what is let go of then is a loss for who has not read it, said first'({ app, database }) {
    await app.run(WITH_ITEM);
    await using slow = await Follower.of(database(), [bound(ITEM)]);
    await slow.settled();
    const go = slow.stall();
    for (let id = 1; id <= 30; id++) await app.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
    const start = slow.at;
    await using keeping = await Follower.of(database(), [bound(ITEM)], { from: 'floor' });
    await keeping.settled();
    await keeping[Symbol.asyncDispose]();
    expect(await journal(app)).toBeGreaterThan(30);
    await app.run(`UPDATE rowcast.tick SET at = at - interval '1 hour'`);
    await using letting = await Follower.of(database(), [bound(ITEM)]);
    await until(async () => (await journal(app)) < 3 || (await letting.settled()));
    await until(async () => (await journal(app)) < 3);
    await app.run(`INSERT INTO item VALUES (31, 'x')`);
    go();
    await slow.settled();
    // What it had in hand when it was held up is told, and what it was told of the rest is that it is gone.
    expect(slow.lost).toEqual(['item retention']);
    const lost = slow.commits.findIndex((commit) => commit.lost.length > 0);
    expect(ids(slow.commits.slice(lost))).toEqual(['31']);
    expect(slow.commits.map(({ position }) => position)).toEqual(slow.commits.map(({ position }) => position).toSorted());
    await using late = await Follower.of(database(), [bound(ITEM)], { from: 'floor' });
    await late.settled();
    expect(late.lost).toEqual([]);
    await late.stop();
    late.at = start;
    late.commits.length = 0;
    late.read();
    await late.settled();
    expect([late.commits[0]?.lost.length, late.lost, ids(late.commits)]).toEqual([1, ['item retention'], ['31']]);
  },

  async 'a transaction that stays open costs the looks nothing, however much it has written'({ app, world, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item SELECT n, 'x' FROM generate_series(1, 20000) n`);
    await follower.settled();
    const other = await world.other();
    await other.run('BEGIN');
    await other.run(`INSERT INTO item SELECT n, 'x' FROM generate_series(100001, 140000) n`);
    await app.run(`INSERT INTO item VALUES (0, 'x')`);
    await follower.settled();
    const before = await reads(app);
    for (let id = 1; id <= 20; id++) await app.run(`INSERT INTO item VALUES (${-id}, 'x')`); // sql: a number
    await follower.settled();
    const after = await reads(app);
    expect(after.scans - before.scans).toBe(0);
    expect(after.entries - before.entries).toBeLessThan(40_000);
    await other.run('COMMIT');
    await follower.settled();
    expect(ids(follower.commits)).toHaveLength(60_021);
  },

  async 'positions outlive a crash of a server that commits without waiting for its disk'({ app, world, database }, server) {
    await app.run(WITH_ITEM);
    await app.run(`ALTER DATABASE "${new URL(world.url).pathname.slice(1)}" SET synchronous_commit = off`); // sql: a name of ours
    const writer = await connect(world.url);
    const first = await Follower.of(database(), [bound(ITEM)], { from: 'floor' });
    for (let id = 1; id <= 50; id++) {
      await writer.run(`INSERT INTO item VALUES (${id}, 'x')`); // sql: a number
      await until(() => ids(first.commits).length === id);
    }
    await server.stop('immediate');
    const told = first.commits.filter(({ changes }) => changes.length > 0);
    await first.stop();
    await server.start();
    await using second = await Follower.of(database(), [bound(ITEM)], { from: 'floor' });
    await second.settled();
    expect(second.commits.filter(({ changes }) => changes.length > 0).map(({ position, xid }) => [position, xid])).toEqual(
      told.map(({ position, xid }) => [position, xid]),
    );
    await first.open.close();
  },

  async 'a position that this database never came to is a loss, and positions rise beyond it'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await follower.stop();
    const ahead = (BigInt(`0x${follower.at}`) + (1_000n << 24n)).toString(16).padStart(16, '0');
    follower.at = ahead;
    follower.commits.length = 0;
    follower.read();
    await until(() => follower.lost.length > 0);
    await app.run(`INSERT INTO item VALUES (1, 'x')`);
    await follower.settled();
    expect([follower.lost, ids(follower.commits)]).toEqual([['item timeline'], ['1']]);
    for (const { position } of follower.commits) expect(position > ahead).toBe(true);
    await using other = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (2, 'x')`);
    await other.settled();
    expect([other.lost, ids(other.commits)]).toEqual([[], ['2']]);
  },

  async 'a transaction over the bound is a loss of the tables it touched, of nothing else, and its receipt is told'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE other (id integer PRIMARY KEY)');
    await using follower = await Follower.of(database({ transaction: { rows: 50 } }), [
      bound(ITEM),
      bound(bareModel('other', { id: 'integer' })),
    ]);
    await app.run('INSERT INTO other VALUES (1)');
    await app.run('BEGIN');
    await app.run(`INSERT INTO item SELECT n, 'x' FROM generate_series(1, 51) n`);
    await app.run(`INSERT INTO rowcast.journal (op, after) VALUES ('R', '{"client":"c","write":1,"revokes":{"user":"u"}}')`);
    await app.run('COMMIT');
    await app.run('INSERT INTO other VALUES (2)');
    await follower.settled();
    expect([follower.lost, follower.changes.length]).toEqual([['item bulk'], 2]);
    expect(follower.commits.find(({ lost }) => lost.length > 0)?.receipts).toEqual([{ client: 'c', write: 1, revokes: { user: 'u' } }]);
  },

  async 'more transactions at once than can be told one by one are a loss of every table; revocations among them are told'({
    app,
    database,
  }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await follower.stop();
    follower.commits.length = 0;
    // Savepoints use up the numbers; then rows are written as if a transaction of each had.
    await app.run('CREATE TABLE scratch (id integer)');
    const [from] = await app.all('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid');
    await app.run(`DO $$ BEGIN FOR n IN 1..100010 LOOP BEGIN INSERT INTO scratch VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;
      END LOOP; END $$`);
    const xid = `((${String(from?.['xid'])}::bigint + n)::text)::xid8`; // sql: a number
    await app.run(
      `INSERT INTO rowcast.journal (xid, rel, op, after) SELECT ${xid}, 'item'::regclass, 'I', '(1,x)' FROM generate_series(1, 100001) n`,
    );
    await app.run(
      `INSERT INTO rowcast.journal (xid, op, after) SELECT ${xid}, 'R', '{"client":"c","write":1,"revokes":{"user":"u"}}' FROM (SELECT 7) one (n)`,
    );
    follower.read();
    await until(() => follower.lost.length > 0);
    expect([follower.lost, follower.commits[0]?.receipts]).toEqual([['item bulk'], [{ client: 'c', write: 1, revokes: { user: 'u' } }]]);
    await app.run(`INSERT INTO item VALUES (2, 'x')`);
    await follower.settled();
    expect([follower.lost, ids(follower.commits)]).toEqual([['item bulk'], ['2']]);
  },

  async 'a prepared transaction is nothing until it is committed: no trigger of ours forbids it'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    for (const id of [1, 2]) {
      await app.run('BEGIN');
      await app.run(`INSERT INTO item VALUES (${id}, repeat('x', 9000))`); // sql: a number
      await app.run(`PREPARE TRANSACTION 'of triggers ${id}'`); // sql: a number
    }
    await follower.settled();
    expect(ids(follower.commits)).toEqual([]);
    await app.run(`ROLLBACK PREPARED 'of triggers 1'`);
    await app.run(`COMMIT PREPARED 'of triggers 2'`);
    await follower.settled();
    expect(ids(follower.commits)).toEqual(['2']);
  },

  async 'a journal that is dropped by hand fails the reader, and not the app; set up again it is another history'({ app, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    const { epoch } = follower.open.source;
    await app.run('DROP TABLE rowcast.journal');
    await app.run(`INSERT INTO item VALUES (1, 'not told')`);
    await until(() => follower.failures.length > 0);
    await using again = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (2, 'x')`);
    await again.settled();
    expect([again.open.source.epoch === epoch, ids(again.commits)]).toEqual([false, ['2']]);
  },

  async 'a journal that a dump brought from another server is not gone on with'({ app, database }) {
    await app.run(WITH_ITEM);
    const open = await opened(database());
    const { epoch } = open.source;
    await open.close();
    expect(await database().plan([bound(ITEM)])).toEqual([]);
    await app.run(`UPDATE rowcast.meta SET value = '1' WHERE key = 'journal'`);
    expect((await database().plan([bound(ITEM)])).map(({ sql }) => sql)).toContain('DROP TABLE "rowcast"."journal"');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (1, 'x')`);
    await follower.settled();
    expect([follower.open.source.epoch === epoch, ids(follower.commits)]).toEqual([false, ['1']]);
  },
};

const tickOf = (position: string): bigint => BigInt(`0x${position}`) >> 24n;

const ids = (commits: readonly Commit[]): readonly unknown[] => commits.flatMap(({ changes }) => changes.map(({ after }) => after?.[0]));

function opened(database: ReturnType<typeof postgres>) {
  return database.open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog() });
}

async function journal(app: AppConnection): Promise<number> {
  return Number((await app.all('SELECT count(*) AS rows FROM rowcast.journal'))[0]?.['rows']);
}

/** How often the journal was read from end to end, and how many entries of its index were looked at. */
async function reads(app: AppConnection): Promise<{ readonly scans: number; readonly entries: number }> {
  // Each session tells its counts once in a while: until then they are too low.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const [row] = await app.all(
    `SELECT t.seq_scan AS scans, i.idx_tup_read AS entries FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid)
     WHERE relid = 'rowcast.journal'::regclass`,
  );
  return { scans: Number(row?.['scans']), entries: Number(row?.['entries']) };
}
