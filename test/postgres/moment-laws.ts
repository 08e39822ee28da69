import { expect } from 'vitest';
import { fold, keyText, shows, type Image, type Snapshot } from '../../src/core/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bound } from './bare-model.ts';
import { connect } from './fixture.ts';
import { Follower, testClock, until } from './follower.ts';
import { allOf, ITEM, live, tableOf } from './rows-laws.ts';
import type { Site } from './setup-laws.ts';

const ALL = { by: 'all' } as const;

async function withItems(app: Site['app'], count: number): Promise<void> {
  await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
  await app.run(`INSERT INTO item SELECT i, '0' FROM generate_series(1, ${count}) i`); // sql: a number
}

/** What holds of a moment on a server, where others go on meanwhile. Each database has three connections. */
export const MOMENT_LAWS: Readonly<Record<string, (site: Site, server: PostgresServer) => Promise<void>>> = {
  async 'all pages are of one moment, whatever is committed between them'({ app, database }) {
    await withItems(app, 40);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    const reading = await follower.open.rows.read(tableOf(follower.open, ITEM), ALL, { page: 10, signal: live() });
    const rows: Image[] = [];
    for await (const page of reading.pages) {
      rows.push(...page.rows);
      await app.run(`UPDATE item SET text = text || 'x', id = id + 100 WHERE id % 7 = 0`);
      await app.run(`DELETE FROM item WHERE id % 5 = 0`);
      await app.run(`INSERT INTO item SELECT i, 'new' FROM generate_series(15, 60, 5) i ON CONFLICT DO NOTHING`);
    }
    expect(rows).toEqual(Array.from({ length: 40 }, (_, at) => [String(at + 1), '0']));
  },

  async 'rows and the log join without a gap and without a repetition, under writers'({ app, world, database }) {
    await withItems(app, 20);
    await using follower = await Follower.of(database({ connections: 6 }), [bound(ITEM)]);
    let writing = true;
    const writers = Array.from({ length: 6 }, async (_, seed) => {
      const writer = await connect(world.url);
      for (let n = seed; writing; n++) {
        const ids = [1 + ((n * 7) % 20), 1 + ((n * 11) % 20)].sort((one, other) => one - other);
        await writer.run(`BEGIN`);
        for (const id of ids) await writer.run(`UPDATE item SET text = (text::int + 1)::text WHERE id = ${id}`); // sql: a number
        await writer.run(n % 10 === 0 ? 'ROLLBACK' : 'COMMIT');
      }
      await writer.close();
    });
    const moments: { snapshot: Snapshot; rows: readonly Image[] }[] = [];
    for (let n = 0; n < 60; n++) {
      const { snapshot, pages } = await follower.open.rows.read(tableOf(follower.open, ITEM), ALL, { signal: live() });
      moments.push({ snapshot, rows: (await Array.fromAsync(pages)).flatMap(({ rows }) => rows) });
    }
    writing = false;
    await Promise.all(writers);
    await follower.settled();
    const end = new Map((await allOf(follower.open, ITEM)).map((image) => [image[0], image[1]]));
    for (const { snapshot, rows } of moments) {
      const joined = new Map(rows.map((image) => [image[0], image[1]]));
      for (const commit of follower.commits) {
        if (shows(snapshot, { position: commit.position, xid: commit.xid === null ? null : String(commit.xid) })) continue;
        for (const { table, before, after } of fold(commit.changes)) {
          // Each change goes on from the one before it: neither is one missing, nor does one come twice.
          expect([keyText(table, before as Image), joined.get(before?.[0] as string)]).toEqual([
            keyText(table, before as Image),
            before?.[1],
          ]);
          joined.set(after?.[0] as string, after?.[1] as string);
        }
      }
      expect(joined).toEqual(end);
    }
  },

  async 'a table that is emptied or rewritten meanwhile is read as of before or after, and never as empty for nothing'({
    app,
    world,
    database,
  }) {
    await withItems(app, 30);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    const table = tableOf(follower.open, ITEM);
    const reading = await follower.open.rows.read(table, ALL, { page: 10, signal: live() });
    const other = await world.other();
    // Waits for the reading; without the lock it would not, and the pages would be empty.
    const emptied = other.run('TRUNCATE item');
    await until(async () => (await app.all(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass`)).length > 0);
    expect((await Array.fromAsync(reading.pages)).flatMap(({ rows }) => rows)).toHaveLength(30);
    await emptied;
    await other.run('BEGIN');
    await other.run('TRUNCATE item');
    const waiting = allOf(follower.open, ITEM);
    await until(async () => (await app.all(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass`)).length > 0);
    await other.run('ROLLBACK');
    expect(await waiting).toEqual([]);
  },

  async 'whoever stops, aborts, or never asks for a page lets go of the database'({ app, database }) {
    await withItems(app, 30);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    const table = tableOf(follower.open, ITEM);
    const open = async (): Promise<number> =>
      Number((await app.all(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rowcast' AND state LIKE 'idle in%' AND datname = current_database()`))[0]?.['count']); // prettier-ignore
    for (let n = 0; n < 5; n++) {
      const { pages } = await follower.open.rows.read(table, ALL, { page: 10, signal: live() });
      for await (const page of pages) if (page.rows.length > 0) break;
      const ended = new AbortController();
      await follower.open.rows.read(table, ALL, { page: 10, signal: ended.signal });
      ended.abort();
    }
    await until(async () => (await open()) === 0);
    // More readings than connections, all at once, each read to its end.
    const counts = await Promise.all(Array.from({ length: 12 }, async () => (await allOf(follower.open, ITEM)).length));
    expect(counts).toEqual(Array.from({ length: 12 }, () => 30));
  },

  async 'a reading that nobody goes on with is ended, and says so'({ app, database }) {
    await withItems(app, 30);
    await using follower = await Follower.of(database(), [bound(ITEM)], { clock: testClock(200) });
    const { pages } = await follower.open.rows.read(tableOf(follower.open, ITEM), ALL, { page: 10, signal: live() });
    const rows = pages[Symbol.asyncIterator]();
    await rows.next();
    await until(async () => (await app.all(`SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()`)).length === 0); // prettier-ignore
    await expect(rows.next()).rejects.toMatchObject({ code: 'source_lost' });
  },

  async 'an abort is heard while the database is still at it'({ app, world, database }) {
    await withItems(app, 30);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    const other = await world.other();
    await other.run('BEGIN');
    await other.run('LOCK TABLE item IN ACCESS EXCLUSIVE MODE');
    const ended = new AbortController();
    const reading = follower.open.rows.read(tableOf(follower.open, ITEM), ALL, { signal: ended.signal });
    await until(async () => (await app.all(`SELECT 1 FROM pg_locks WHERE NOT granted`)).length > 0);
    ended.abort(new Error('gone'));
    await expect(reading).rejects.toThrow('gone');
    await other.run('ROLLBACK');
  },

  async 'where a policy would leave rows out, reading is refused'({ app, world, slot, database }) {
    await withItems(app, 3);
    const role = `${slot}_limited`;
    await app.run(`CREATE ROLE "${role}" LOGIN REPLICATION`); // sql: a name of ours
    const url = new URL(world.url);
    try {
      await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
      await app.run(`GRANT USAGE, CREATE ON SCHEMA rowcast TO "${role}"`); // sql: a name of ours
      await app.run(`GRANT ALL ON ALL TABLES IN SCHEMA rowcast, public TO "${role}"`); // sql: a name of ours
      url.username = role;
      await using follower = await Follower.of(database({ url: url.href }), [bound(ITEM)]);
      expect(await allOf(follower.open, ITEM)).toHaveLength(3);
      await app.run('ALTER TABLE item ENABLE ROW LEVEL SECURITY');
      await app.run('CREATE POLICY "not all" ON item USING (id > 1)');
      await expect(allOf(follower.open, ITEM)).rejects.toThrow(/row-level security/);
    } finally {
      await app.run(`DROP OWNED BY "${role}"`); // sql: a name of ours
      await app.run(`DROP ROLE "${role}"`); // sql: a name of ours
    }
  },

  async 'large rows come in small pages'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO item SELECT i, repeat('x', 100000) FROM generate_series(1, 300) i`);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    const reading = await follower.open.rows.read(tableOf(follower.open, ITEM), ALL, { signal: live() });
    const sizes = (await Array.fromAsync(reading.pages)).map(({ rows }) => rows.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(300);
    expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(21);
  },
};
