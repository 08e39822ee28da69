import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { postgres } from '../../src/postgres/index.ts';
import { startPostgres, type Major, type PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { connect, type AppConnection } from './fixture.ts';
import { Follower, until } from './follower.ts';
import { refusal, type Site } from './setup-laws.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

/** What following by triggers does to a database, and what changing the way of following leaves. The server must be able to do both. */
export const TRIGGER_SETUP_LAWS: Readonly<Record<string, (site: Site, server: PostgresServer) => Promise<void>>> = {
  async 'whoever follows by triggers from now on leaves nothing of the log behind, and the plan says so'({ app, database }) {
    await app.run(WITH_ITEM);
    const before = await state(app);
    const log = await Follower.of(database({ follow: 'log' }), [bound(ITEM)]);
    await log.settled();
    const { epoch } = log.open.source;
    await log[Symbol.asyncDispose]();
    const planned = (await database().plan([bound(ITEM)])).map(({ sql }) => sql).join('\n');
    expect(planned).toMatch(/pg_drop_replication_slot[^]*DROP PUBLICATION[^]*REPLICA IDENTITY DEFAULT/);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    expect(await database().plan([bound(ITEM)])).toEqual([]);
    expect(await state(app)).toEqual({ ...before, triggers: 2 });
    expect(follower.open.source.epoch).not.toBe(epoch);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect(follower.changes).toEqual([[[null, { id: '1', text: 'a' }]]]);
  },

  async 'whoever follows by the log from now on leaves no trigger and no journal behind, and the plan says so'({ app, database }) {
    await app.run(WITH_ITEM);
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    const planned = (await database({ follow: 'log' }).plan([bound(ITEM)])).map(({ sql }) => sql).join('\n');
    expect(planned).toMatch(/DROP TRIGGER[^]*DROP TABLE "rowcast"."journal"[^]*DROP FUNCTION/);
    await using follower = await Follower.of(database({ follow: 'log' }), [bound(ITEM)]);
    expect((await state(app)).triggers).toBe(0);
    expect(await app.all(`SELECT tablename FROM pg_tables WHERE schemaname = 'rowcast' AND tablename IN ('journal', 'tick', 'standing')`)).toEqual([]); // prettier-ignore
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect(follower.changes).toEqual([[[null, { id: '1', text: 'a' }]]]);
  },

  async 'while a process follows the log, one that would follow by triggers is refused by name, and nothing is changed'({
    app,
    database,
    slot,
  }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database({ follow: 'log' }), [bound(ITEM)]);
    await follower.settled();
    const before = await state(app);
    const { code, message } = await refusal(database());
    expect([code, message.includes(slot), message.includes(`follow: 'triggers'`)]).toEqual(['setup_needed', true, true]);
    expect(await state(app)).toEqual(before);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([follower.changes.length, follower.failures]).toEqual([1, []]);
  },

  async 'a teardown leaves nothing behind, whichever way was gone'({ app, database }) {
    await app.run(WITH_ITEM);
    const before = await state(app);
    await (await Follower.of(database(), [bound(ITEM)]))[Symbol.asyncDispose]();
    const done = await database({ follow: 'log' }).teardown([]);
    expect(done.map(({ sql }) => sql).join()).toContain('DROP TRIGGER');
    expect(await state(app)).toEqual(before);
  },

  async 'a user who may not read the log is offered triggers by name'({ app, slot, world }) {
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    await app.run(WITH_ITEM);
    const { code, message } = await refusal(postgres({ url: url.href, slot }));
    expect([code, message.includes(`follow: 'triggers'`)]).toEqual(['source_unsupported', true]);
    await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
  },

  async 'what somebody else set up is followed by a user who may only read and write it'({ app, slot, world, database }) {
    await app.run(WITH_ITEM);
    for (const { sql } of await database().plan([bound(ITEM)])) await app.run(sql);
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    await app.run(`GRANT SELECT, INSERT ON item TO "${slot}"; GRANT USAGE ON SCHEMA rowcast TO "${slot}"`); // sql: a name of ours
    await app.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowcast TO "${slot}"`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    const follower = await Follower.of(postgres({ url: url.href, follow: 'triggers' }), [bound(ITEM)], { setup: 'check' });
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([follower.changes.length, follower.failures, follower.log.warnings]).toEqual([1, [], []]);
    await follower[Symbol.asyncDispose]();
    await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
    await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
  },

  async 'a standby that took over is another history, and a process that still runs says so'({ app, database }, server) {
    await app.run(WITH_ITEM);
    const first = await Follower.of(database(), [bound(ITEM)]);
    await first.settled();
    const { epoch } = first.open.source;
    const [row] = await app.all(`SELECT current_setting('data_directory') AS folder`);
    await server.stop();
    await writeFile(join(String(row?.['folder']), 'standby.signal'), '');
    await server.start();
    const admin = await connect(server.url);
    await admin.run('SELECT pg_promote()');
    await admin.close();
    await until(() => first.failures.some((failure) => String(failure).includes('another history')));
    await first[Symbol.asyncDispose]();
    await using second = await Follower.of(database(), [bound(ITEM)]);
    await second.settled();
    expect([second.open.source.epoch === epoch, second.failures]).toEqual([false, []]);
  },

  async 'an app that publishes all of its tables to somebody goes on, and so do we'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE PUBLICATION theirs FOR ALL TABLES');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    await app.run(`UPDATE rowcast.tick SET at = at - interval '1 hour'`);
    await using other = await Follower.of(database(), [bound(ITEM)]);
    await other.settled();
    expect([follower.changes.length, other.log.warnings, other.failures]).toEqual([2, [], []]);
  },

  async 'who writes needs no right to anything of ours, and whatever role a session plays its writes are told'({
    app,
    slot,
    world,
    database,
  }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    await app.run(`GRANT INSERT ON item TO "${slot}"`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    const clerk = await connect(url.href);
    try {
      await clerk.run('SET search_path = pg_temp');
      await clerk.run(`INSERT INTO public.item VALUES (1, 'by a clerk')`);
      await clerk.run('SET default_transaction_isolation = serializable');
      await clerk.run(`INSERT INTO public.item VALUES (2, 'serializable')`);
      await app.run('SET session_replication_role = replica');
      await app.run(`INSERT INTO item VALUES (3, 'restored')`);
      await follower.settled();
      expect(follower.changes.flat().map(([, row]) => row?.['id'])).toEqual(['1', '2', '3']);
    } finally {
      await clerk.close();
      await app.run(`DROP OWNED BY "${slot}"; DROP ROLE "${slot}"`); // sql: a name of ours
    }
  },

  async 'a user that owns its tables and may make a schema is all it takes: no superuser, no REPLICATION, and its migrations are seen'({
    app,
    slot,
    world,
  }) {
    await app.run(`CREATE ROLE "${slot}" LOGIN NOSUPERUSER NOREPLICATION`); // sql: a name of ours
    const url = new URL(world.url);
    await app.run(`GRANT CREATE ON DATABASE "${url.pathname.slice(1)}" TO "${slot}"; GRANT CREATE ON SCHEMA public TO "${slot}"`); // sql: names of ours
    url.username = slot;
    const plain = await connect(url.href);
    try {
      await plain.run(WITH_ITEM);
      const by = postgres({ url: url.href, follow: 'triggers', connections: 3 });
      await using follower = await Follower.of(by, [bound(ITEM)]);
      await plain.run(`INSERT INTO item VALUES (1, 'a')`);
      await plain.run('ALTER TABLE item ADD COLUMN more text');
      await plain.run(`UPDATE item SET text = 'b'`);
      await follower.settled();
      expect([follower.lost, follower.changes.length]).toEqual([[], 2]);
      await plain.run('ALTER TABLE item RENAME COLUMN text TO title');
      await until(() => follower.lost.length === 1);
      await plain.run('TRUNCATE item');
      await follower.settled();
      expect([follower.lost, follower.failures, follower.log.errors]).toEqual([['item schema', 'item truncate'], [], []]);
      await plain.run('ALTER TABLE item RENAME COLUMN title TO text');
      await follower[Symbol.asyncDispose]();
      await by.teardown([]);
      expect(await app.all(`SELECT nspname FROM pg_namespace WHERE nspname = 'rowcast'`)).toEqual([]);
    } finally {
      await plain.close();
      await app.run(`REASSIGN OWNED BY "${slot}" TO postgres`); // sql: a name of ours
      await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
      await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
    }
  },
};

/** A server whose log has no rows says what to do about it, both ways. */
export async function offersTriggers(major: Major): Promise<void> {
  await using server = await startPostgres({ major, settings: { wal_level: 'replica' } });
  const { code, message } = await refusal(postgres(server.url));
  expect([code, message.includes(`follow: 'triggers'`), message.includes('wal_level')]).toEqual(['source_unsupported', true, true]);
}

async function state(app: AppConnection): Promise<{ readonly triggers: number }> {
  const [row] = await app.all(
    `SELECT (SELECT count(*)::int FROM pg_trigger WHERE NOT tgisinternal) AS triggers, (SELECT json_agg(pubname) FROM pg_publication) AS publications,
       (SELECT json_agg(slot_name) FROM pg_replication_slots WHERE database = current_database()) AS slots,
       (SELECT json_agg(relreplident) FROM pg_class WHERE relname = 'item') AS identities, (SELECT count(*)::int FROM pg_event_trigger) AS events`,
  );
  return row as unknown as { readonly triggers: number };
}
