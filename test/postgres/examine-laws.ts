import { expect } from 'vitest';
import type { Bound, Finding } from '../../src/core/index.ts';
import { examine, type Examined } from '../../src/postgres/examine.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { CAPPED, connect, type AppConnection } from './fixture.ts';
import { Follower, testClock, TestLog, until } from './follower.ts';
import type { Site } from './setup-laws.ts';
import { TransactionPooler } from './transaction-pooler.ts';

export const ITEM = bareModel('item', { id: 'integer', text: 'text' });
export const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

/** Enough of a server to look at: one with room for prepared transactions. */
export const EXAMINED_SETTINGS: Readonly<Record<string, string | number>> = { ...CAPPED, max_prepared_transactions: 5 };

export function look(site: Site, more: Partial<Examined> = {}, all: readonly Bound[] = [bound(ITEM)]): Promise<readonly Finding[]> {
  return examine({ url: site.world.url, slot: site.slot, ...more }, all);
}

/** What is amiss, by what it is about. */
export function amiss(findings: readonly Finding[]): Readonly<Record<string, Finding>> {
  return Object.fromEntries(findings.filter(({ level }) => level !== 'ok').map((finding) => [finding.about, finding]));
}

export async function setUp({ database }: Site): Promise<void> {
  await (await database().open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
}

/** Runs what a finding says, as somebody would who copies it: each statement by itself. */
export async function cure(app: AppConnection, findings: readonly Finding[]): Promise<void> {
  for (const sql of findings.flatMap((finding) => finding.cure)) await app.run(sql);
}

/** What looking at a database must tell. */
export const EXAMINE_LAWS: Readonly<Record<string, (site: Site, server: PostgresServer) => Promise<void>>> = {
  async 'a database that is followed has nothing amiss, and its slot says who reads by it'(site) {
    await site.app.run(WITH_ITEM);
    await using follower = await Follower.of(site.database(), [bound(ITEM)]);
    await follower.settled();
    const findings = await look(site);
    expect(amiss(findings)).toEqual({});
    const slot = findings.find(({ about }) => about === `slot ${site.slot}`);
    expect(slot?.message).toMatch(/^process \d+ \(rowcast log, .*reads by it; it keeps .* of the 1GB that may be kept/);
  },

  async 'a database that was never set up: what is missing is said, and what is said makes it, in its order'(site) {
    await site.app.run(WITH_ITEM);
    const before = await state(site.app);
    const findings = await look(site);
    expect(Object.keys(amiss(findings))).toEqual(['schema rowcast', `slot ${site.slot}`, 'publication rowcast', 'table public.item']);
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(await state(site.app)).toEqual(before);
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
    expect(await site.database().plan([bound(ITEM)])).toEqual([]);
  },

  async 'who reads for all is said, and who led and was not followed is a warning'(site) {
    await site.app.run(WITH_ITEM);
    const about = async (): Promise<Finding | undefined> => (await look(site)).find((finding) => finding.about === 'lease');
    expect(await about()).toBeUndefined();
    const open = await site.database().open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog(), shared: true });
    expect(await about()).toBeUndefined();
    await open.lease?.take('one', 60_000);
    expect(await about()).toMatchObject({
      level: 'ok',
      message: expect.stringMatching(/^one reads for all, under term 1, for \d+ s more/),
    });
    await open.lease?.give('one');
    expect(await about()).toMatchObject({ level: 'ok', message: expect.stringContaining('given back after term 1') });
    await open.lease?.take('two', 1);
    await expect.poll(async () => (await about())?.level, { timeout: 10_000 }).toBe('warning');
    expect((await about())?.message).toMatch(/^two led under term 2, has not said so for/);
    await open.close();
  },

  async 'a slot of another plugin or another database is an error that names the option'(site, server) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    await site.app.run(`SELECT pg_create_logical_replication_slot('${site.slot}_other', 'test_decoding')`); // sql: a name of ours
    const findings = amiss(await look(site, { slot: `${site.slot}_other` }));
    expect(findings[`slot ${site.slot}_other`]).toMatchObject({
      level: 'error',
      message: expect.stringMatching(/"test_decoding"; set `slot`/),
    });
    const elsewhere = { ...site, world: { ...site.world, url: await server.createDatabase() } };
    const there = amiss(await look(elsewhere, {}, []));
    expect(there[`slot ${site.slot}`]).toMatchObject({ level: 'error', message: expect.stringMatching(/the database "world_/) });
  },

  async 'a slot that nobody reads by is named with what it keeps and how to drop it; those that are read by are not'(site) {
    await site.app.run(WITH_ITEM);
    await using follower = await Follower.of(site.database({ slot: `${site.slot}_b` }), [bound(ITEM)]);
    await follower.settled();
    await setUp(site);
    await site.app.run(`SELECT pg_create_logical_replication_slot('${site.slot}_c', 'test_decoding')`); // sql: a name of ours
    const findings = await look(site);
    expect(Object.keys(amiss(findings))).toEqual([`slot ${site.slot}_c`]);
    expect(findings.find(({ about }) => about.endsWith('_c'))).toMatchObject({
      level: 'warning',
      message: expect.stringMatching(/^nobody reads by it .* keeps [\d.]+ (bytes|KiB|MiB) of the log/),
    });
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
  },

  async 'a transaction that has written and stays open is named with its process and how to end it, in any database; so is a prepared one'(
    site,
    server,
  ) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    const other = await connect(await server.createDatabase());
    await other.run('BEGIN');
    await other.run('CREATE TABLE open (id integer)');
    await site.app.run('BEGIN');
    await site.app.run(`INSERT INTO item VALUES (1, 'a')`);
    await site.app.run(`PREPARE TRANSACTION 'it''s'`);
    const findings = await look(site, { longOpen: 0 });
    expect(amiss(findings)).toMatchObject({
      'open transaction': {
        level: 'warning',
        message: expect.stringContaining(`process ${other.pid} `),
        cure: [`SELECT pg_terminate_backend(${other.pid})`],
      },
      'prepared transaction': { level: 'warning', cure: [`ROLLBACK PREPARED 'it''s'`] },
    });
    expect(amiss(await look(site))).toEqual({});
    await cure(site.app, findings);
    await until(async () => Object.keys(amiss(await look(site, { longOpen: 0 }))).length === 0);
    await other.close();
  },

  async 'a pooler that gives each transaction another session is found, and named as what keeps the log from being read'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    await using pooler = await TransactionPooler.before(site.world.url);
    const findings = amiss(await look(site, { url: pooler.url }));
    expect(findings).toMatchObject({
      connection: { level: 'error', message: expect.stringMatching(/pool_mode = session.*replicationUrl/) },
      replication: { level: 'error', message: expect.stringContaining('replicationUrl') },
    });
    const direct = amiss(await look(site, { url: pooler.url, replicationUrl: site.world.url }));
    expect(Object.keys(direct)).toEqual(['connection']);
  },

  async 'a log of another database or another server is an error'(site, server) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    const there = amiss(await look(site, { replicationUrl: await server.createDatabase('elsewhere') }));
    expect(there).toMatchObject({ replication: { level: 'error', message: expect.stringContaining('the database "elsewhere"') } });
    await using other = await startPostgres({ major: server.major });
    const far = amiss(await look(site, { replicationUrl: other.url }));
    expect(far).toMatchObject({ replication: { level: 'error', message: expect.stringContaining('another server') } });
    await site.app.run('SELECT 1');
    const admin = await connect(server.url);
    await admin.run('DROP DATABASE elsewhere');
    await admin.close();
  },

  async 'a user who may not read the log, own the tables or make anything is told each, with the statement'(site) {
    const { app, slot, world } = site;
    await app.run(WITH_ITEM);
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    const asUser = { ...site, world: { ...world, url: url.href } };
    const first = amiss(await look(asUser));
    expect(first).toMatchObject({
      'schema rowcast': { level: 'error', cure: [`GRANT CREATE ON DATABASE "${url.pathname.slice(1)}" TO "${slot}"`] },
      replication: { level: 'error', cure: [`ALTER ROLE "${slot}" REPLICATION`] },
      'publication rowcast': { level: 'error' },
      'table public.item': { level: 'error' },
    });
    await setUp(site);
    await app.run(`ALTER ROLE "${slot}" REPLICATION`); // sql: a name of ours
    const findings = await look(asUser);
    expect(amiss(findings)).toMatchObject({
      'schema rowcast': {
        level: 'error',
        cure: [`GRANT USAGE ON SCHEMA rowcast TO "${slot}"`, expect.stringContaining('ALL TABLES IN SCHEMA rowcast')],
      },
      'table public.item': {
        level: 'error',
        message: expect.stringMatching(/may not read id, text/),
        cure: [`GRANT SELECT ON "public"."item" TO "${slot}"`],
      },
    });
    await cure(app, findings);
    expect(amiss(await look(asUser))).toEqual({});
    await app.run('ALTER TABLE item REPLICA IDENTITY DEFAULT');
    expect(amiss(await look(asUser))).toMatchObject({
      'table public.item': {
        level: 'error',
        message: expect.stringMatching(/"postgres" has to run this/),
        cure: [expect.stringContaining('identity:'), 'ALTER TABLE "public"."item" REPLICA IDENTITY FULL'],
      },
    });
    await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
    await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
  },

  async 'nothing that is looked at makes it reject, and no password is repeated'(site, server) {
    const wrong = new URL(server.url);
    wrong.pathname = '/nowhere';
    wrong.password = 'canary';
    for (const [url, what] of [
      [wrong.href, /cannot connect to Postgres: database "nowhere" does not exist; make the database/],
      ['postgres://u:canary@127.0.0.1:1/x', /ECONNREFUSED.*is it running/],
    ] as const) {
      const findings = await look(site, { url });
      expect(findings).toMatchObject([{ about: 'connection', level: 'error', message: expect.stringMatching(what) }]);
      expect(JSON.stringify(findings)).not.toContain('canary');
    }
    await site.app.run(WITH_ITEM);
    expect(amiss(await look(site, { slot: 'No Slot' }))['slot No Slot']).toMatchObject({
      level: 'error',
      message: expect.stringContaining('set `slot`'),
    });
  },
};

const STATE = [
  `SELECT relname, relreplident, reltuples FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`,
  'SELECT pubname FROM pg_publication',
  'SELECT nspname FROM pg_namespace ORDER BY nspname',
  'SELECT slot_name FROM pg_replication_slots WHERE database = current_database()',
  `SELECT pg_snapshot_xmax(pg_current_snapshot()) AS transactions`,
];

async function state(app: AppConnection): Promise<unknown> {
  const states: unknown[] = [];
  for (const query of STATE) states.push(await app.all(query));
  return states;
}
