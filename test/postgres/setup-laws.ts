import { expect } from 'vitest';
import { RowcastError, type ErrorCode } from '../../src/core/index.ts';
import { postgres, type PostgresOptions } from '../../src/postgres/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { bareModel, bound } from './bare-model.ts';
import { connect, freshWorld, type AppConnection, type PostgresWorld } from './fixture.ts';
import { Follower, testClock, TestLog, until } from './follower.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const WITH_ITEM = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

/** An empty database and a slot's name for it. */
export interface Site extends AsyncDisposable {
  readonly world: PostgresWorld;
  readonly app: AppConnection;
  readonly slot: string;
  readonly major: number;
  database(options?: Partial<PostgresOptions>): ReturnType<typeof postgres>;
}

let sites = 0;

export async function siteOn(server: PostgresServer): Promise<Site> {
  const world = await freshWorld(server);
  const slot = `site_${process.pid}_${++sites}`;
  return {
    world,
    app: world.app,
    slot,
    major: server.major,
    database: (options) => postgres({ url: world.url, slot, connections: 3, ...options }),
    [Symbol.asyncDispose]: () => world.close(),
  };
}

/** What must hold of what is done to a database, or refused: the app's own writes are never broken, and all of it can be undone. */
export const SETUP_LAWS: Readonly<Record<string, (site: Site, server: PostgresServer) => Promise<void>>> = {
  async 'a table without a key is refused, and the app goes on writing to it'({ app, database }) {
    await app.run('CREATE TABLE item (id integer, text text)');
    await app.run(`INSERT INTO item VALUES (1, 'x')`);
    expect(await refusal(database())).toMatchObject({ code: 'schema_drift', message: expect.stringContaining('ADD PRIMARY KEY') });
    await app.run(`UPDATE item SET text = 'y'`);
    expect(await app.all('SELECT 1 FROM pg_publication_tables')).toEqual([]);
  },

  async 'an unlogged table is refused with the statement that cures it'({ app, database }) {
    await app.run('CREATE UNLOGGED TABLE item (id integer PRIMARY KEY, text text)');
    expect(await refusal(database())).toMatchObject({ code: 'source_unsupported', message: expect.stringContaining('SET LOGGED') });
  },

  async 'a table that others inherit from is refused, and the app goes on writing to all of them'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE child (more integer) INHERITS (item)');
    await app.run(`INSERT INTO child VALUES (1, 'x', 2)`);
    expect(await refusal(database())).toMatchObject({ code: 'source_unsupported', message: expect.stringContaining('child inherits') });
    await app.run(`UPDATE child SET text = 'y'`);
    await app.run('DELETE FROM item WHERE id = 1');
    expect(await app.all('SELECT 1 FROM pg_publication_tables')).toEqual([]);
  },

  async 'a partitioned table without a primary key is refused: the app could not write to its next partition'({ app, database }) {
    await app.run('CREATE TABLE item (id integer NOT NULL UNIQUE, text text) PARTITION BY RANGE (id)');
    expect(await refusal(database())).toMatchObject({ code: 'schema_drift', message: expect.stringContaining('ADD PRIMARY KEY ("id")') });
    await app.run('ALTER TABLE item ADD PRIMARY KEY (id)');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run('DELETE FROM item');
  },

  async 'a partition is refused beside the table it is a part of, at the first start as at every other'({ app, database }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text) PARTITION BY RANGE (id)');
    await app.run('CREATE TABLE low PARTITION OF item FOR VALUES FROM (0) TO (10)');
    const both = [bound(ITEM), bound(bareModel('low', { id: 'integer', text: 'text' }))];
    for (let start = 0; start < 2; start++) {
      expect(await refusal(database(), both)).toMatchObject({ code: 'source_unsupported', message: expect.stringContaining('bind public.item alone') }); // prettier-ignore
    }
    expect(await app.all('SELECT 1 FROM pg_publication_tables')).toEqual([]);
  },

  async 'a table with a stored generated column is followed, and the app goes on writing to it'({ app, database, major }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, twice text GENERATED ALWAYS AS (text || text) STORED)');
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`UPDATE item SET text = 'b'`);
    await follower.settled();
    expect(follower.changes).toEqual([
      [[null, { id: '1', text: 'a' }]],
      [
        [
          { id: '1', text: 'a' },
          { id: '1', text: 'b' },
        ],
      ],
    ]);
    const listed = bareModel('item', { id: 'integer', text: 'text', twice: 'text' });
    if (major < 18)
      return void expect(await refusal(database(), [bound(listed)])).toMatchObject({
        code: 'source_unsupported',
        message: expect.stringContaining('"twice"'),
      });
    await using second = await Follower.of(database({ slot: 'second_of_generated' }), [bound(listed)]);
    await app.run(`UPDATE item SET text = 'c'`);
    await second.settled();
    expect(second.changes).toEqual([
      [
        [
          { id: '1', text: 'b', twice: 'bb' },
          { id: '1', text: 'c', twice: 'cc' },
        ],
      ],
    ]);
  },

  async 'a table whose updates Postgres would refuse when followed is refused, and the app goes on writing to it'({
    app,
    database,
    major,
  }) {
    if (major < 18) return;
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, twice text GENERATED ALWAYS AS (text || text) VIRTUAL)');
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    expect(await refusal(database())).toMatchObject({ code: 'source_unsupported', message: expect.stringContaining('"twice"') });
    await app.run(`UPDATE item SET text = 'b'`);
  },

  async 'where another publication has a column list, nothing is changed and the app goes on writing'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run('CREATE PUBLICATION theirs FOR TABLE item (id)');
    expect(await refusal(database())).toMatchObject({ code: 'source_unsupported' });
    await app.run(`UPDATE item SET text = 'b'`);
    expect(await app.all(`SELECT relreplident FROM pg_class WHERE relname = 'item'`)).toEqual([{ relreplident: 'd' }]);
  },

  async 'a row filter on our publication is refused with the statements that cure it'({ app, database }) {
    await app.run(WITH_ITEM);
    await (await opened(database())).close();
    await app.run('ALTER PUBLICATION rowcast SET TABLE item WHERE (id > 10)');
    const { code, message } = await refusal(database());
    expect([code, message.includes('row filter')]).toEqual(['setup_needed', true]);
    await runScript(app, message);
    await (await opened(database())).close();
  },

  async 'a check refuses with statements that, run by hand, make it pass'({ app, database }) {
    await app.run(WITH_ITEM);
    const { code, message } = await refusal(database(), [bound(ITEM)], 'check');
    expect(code).toBe('setup_needed');
    expect(message).toContain('ALTER TABLE "public"."item" REPLICA IDENTITY FULL');
    const planned = await database().plan([bound(ITEM)]);
    expect(planned.every(({ sql }) => message.includes(sql))).toBe(true);
    await runScript(app, message);
    expect(await database().plan([bound(ITEM)])).toEqual([]);
    await using follower = await Follower.of(database(), [bound(ITEM)], { setup: 'check' });
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([follower.changes.length, follower.lost]).toEqual([1, []]);
  },

  async 'a teardown leaves nothing behind, and every table with the identity it had'({ app, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE full_before (id integer PRIMARY KEY)');
    await app.run('ALTER TABLE full_before REPLICA IDENTITY FULL');
    await app.run('CREATE TABLE by_index (id integer PRIMARY KEY, code text NOT NULL)');
    await app.run('CREATE UNIQUE INDEX "its code" ON by_index (code)');
    await app.run('ALTER TABLE by_index REPLICA IDENTITY USING INDEX "its code"');
    const before = await state(app);
    const all = [
      bound(ITEM),
      bound(bareModel('full_before', { id: 'integer' })),
      bound(bareModel('by_index', { id: 'integer', code: 'text' })),
    ];
    await (await opened(database(), all)).close();
    expect(await state(app)).not.toEqual(before);
    const done = await database().teardown(all);
    expect(done.length).toBeGreaterThan(0);
    expect(await state(app)).toEqual(before);
    expect(await database().teardown(all)).toEqual([]);
  },

  async 'a teardown leaves the slot of another database alone, even under the name that was ours'({ app, slot, database }, server) {
    await app.run(WITH_ITEM);
    await (await opened(database())).close();
    await app.run(`SELECT pg_drop_replication_slot('${slot}')`); // sql: a name of ours
    const admin = await connect(server.url);
    try {
      await admin.run(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`); // sql: a name of ours
      const done = await database().teardown([]);
      expect(done.filter(({ sql }) => sql.includes('slot'))).toEqual([]);
      expect(await app.all(`SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}'`)).toHaveLength(1); // sql: a name of ours
    } finally {
      await admin.run(`SELECT pg_drop_replication_slot('${slot}')`); // sql: a name of ours
      await admin.close();
    }
  },

  async 'a step that would wait behind the app gives up soon, naming who is in the way'({ app, world, database }) {
    await app.run(WITH_ITEM);
    const other = await world.other();
    await other.run('BEGIN');
    await other.run(`INSERT INTO item VALUES (1, 'open')`);
    const { code, message } = await refusal(database());
    expect([code, message.includes(`process ${other.pid} `)]).toEqual(['setup_needed', true]);
    await other.run('COMMIT');
    await (await opened(database())).close();
  },

  async 'a slot that waits for an open transaction says whose, and is there once it has ended'({ app, world, database }) {
    await app.run(WITH_ITEM);
    await app.run('CREATE TABLE unbound (id integer)');
    const other = await world.other();
    await other.run('BEGIN');
    await other.run('INSERT INTO unbound VALUES (1)');
    const log = new TestLog();
    const opening = database().open([bound(ITEM)], { setup: 'auto', clock: testClock(), log });
    await until(() => log.warnings.some((warning) => warning.includes(`process ${other.pid} `)));
    await other.run('COMMIT');
    await (await opening).close();
  },

  async 'a slot that another process reads by is left to it, and another one is read by'({ app, slot, database }) {
    await app.run(WITH_ITEM);
    await using follower = await Follower.of(database(), [bound(ITEM)]);
    await follower.settled();
    const reader = () => app.all(`SELECT active_pid FROM pg_replication_slots WHERE slot_name = '${slot}'`); // sql: a name of ours
    const before = await reader();
    await (await opened(database())).close();
    expect(await reader()).toEqual(before);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await follower.settled();
    expect([follower.changes.length, follower.failures]).toEqual([1, []]);
  },

  async 'when all slots are taken the error names them'({ app, database, slot }, server) {
    await app.run(WITH_ITEM);
    const admin = await connect(server.url);
    const made: string[] = [];
    try {
      for (let n = 0; ; n++) {
        const created = await admin.run(`SELECT pg_create_logical_replication_slot('${slot}_${n}', 'pgoutput')`).then(() => true, () => false); // prettier-ignore
        if (!created) break;
        made.push(`${slot}_${n}`);
      }
      const { code, message } = await refusal(database());
      expect([code, message.includes(`${slot}_0`), message.includes('max_replication_slots')]).toEqual(['source_unsupported', true, true]);
    } finally {
      for (const name of made) await admin.run(`SELECT pg_drop_replication_slot('${name}')`); // sql: a name of ours
      await admin.close();
    }
  },

  async 'a user who may not read the log, or may not set it up, is told what is missing; the app goes on writing'(
    { app, world, slot },
    server,
  ) {
    await app.run(WITH_ITEM);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    await app.run(`GRANT CREATE ON DATABASE "${url.pathname.slice(1)}" TO "${slot}"`); // sql: a name of ours
    const noLog = await refusal(postgres({ url: url.href, slot }));
    expect([noLog.code, noLog.message.includes('REPLICATION')]).toEqual(['source_unsupported', true]);
    expect(await app.all('SELECT pubname FROM pg_publication')).toEqual([]);
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run(`ALTER ROLE "${slot}" REPLICATION`); // sql: a name of ours
    const notOwner = await refusal(postgres({ url: url.href, slot }));
    expect([notOwner.code, notOwner.message.includes('REPLICA IDENTITY FULL')]).toEqual(['setup_needed', true]);
    await app.run(`UPDATE item SET text = 'b'`);
    await app.run(`ALTER TABLE item OWNER TO "${slot}"`); // sql: a name of ours
    await (await opened(postgres({ url: url.href, slot }))).close();
    await app.run(`UPDATE item SET text = 'c'`);
    await postgres({ url: url.href, slot }).teardown([]);
    await app.run(`REASSIGN OWNED BY "${slot}" TO postgres`); // sql: a name of ours
    await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
    const admin = await connect(server.url);
    await admin.run(`DROP ROLE "${slot}"`); // sql: a name of ours
    await admin.close();
  },

  async 'processes that start at the same moment set the database up once, and each reads'({ app, slot, database }) {
    await app.run(WITH_ITEM);
    const names = ['x', 'y', 'z'].map((name) => `${slot}_${name}`);
    const followers = await Promise.all(names.map((name) => Follower.of(database({ slot: name }), [bound(ITEM)])));
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    for (const follower of followers) {
      await follower.settled();
      expect([follower.changes.length, follower.lost]).toEqual([1, []]);
      await follower[Symbol.asyncDispose]();
    }
  },
};

function opened(database: ReturnType<typeof postgres>, all = [bound(ITEM)], setup: 'auto' | 'check' = 'auto') {
  return database.open(all, { setup, clock: testClock(), log: new TestLog() });
}

export async function refusal(
  database: ReturnType<typeof postgres>,
  all = [bound(ITEM)],
  setup: 'auto' | 'check' = 'auto',
): Promise<{ readonly code: ErrorCode; readonly message: string }> {
  try {
    await (await opened(database, all, setup)).close();
  } catch (error) {
    if (error instanceof RowcastError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Runs the statements of an error's message, as somebody would who copies them. */
async function runScript(app: AppConnection, message: string): Promise<void> {
  const script = message.slice(message.indexOf('\n') + 1);
  for (const statement of script.split(/;(?:\n|$)/).filter((text) => text.trim() !== '')) await app.run(statement);
}

async function state(app: AppConnection): Promise<unknown> {
  return {
    identities: await app.all(
      `SELECT relname, relreplident FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' ORDER BY relname`,
    ),
    publications: await app.all('SELECT pubname FROM pg_publication'),
    schemas: await app.all('SELECT nspname FROM pg_namespace ORDER BY nspname'),
    slots: await app.all('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()'),
  };
}
