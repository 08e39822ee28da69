import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amiss, cure, EXAMINED_SETTINGS, ITEM, look, setUp, WITH_ITEM } from '../../test/postgres/examine-laws.ts';
import { bound } from '../../test/postgres/bare-model.ts';
import { siteOn, type Site } from '../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import { handModel } from '../../test/core/hand-made.ts';
import { testClock, TestLog } from '../../test/postgres/follower.ts';
import type { Bound, Finding, Model } from '../core/index.ts';
import { nats } from '../nats/index.ts';
import { redis } from '../redis/index.ts';
import { sqlite } from '../sqlite/index.ts';

/** A set-up that was sound, what broke it, and what `doctor` must say of that. */
interface Broken {
  /** Gives what `doctor` is told; nothing: as ever. */
  readonly broken: (site: Site) => Promise<Parameters<typeof look>[1] | void>;
  readonly about: (site: Site) => string;
  readonly says: RegExp;
  readonly level: Finding['level'];
  /** Whether what it names as the cure, run as it stands, leaves nothing amiss. Else a person has to do something, and it says what. */
  readonly cured: boolean;
}

const table = (): string => 'table public.item';

const BROKEN: Readonly<Record<string, Broken>> = {
  'the replica identity was set back': {
    broken: ({ app }) => app.run('ALTER TABLE item REPLICA IDENTITY DEFAULT'),
    about: table,
    says: /does not keep the whole row as it was before/,
    level: 'warning',
    cured: true,
  },
  'the publication lost a table': {
    broken: ({ app }) => app.run('ALTER PUBLICATION rowcast DROP TABLE item'),
    about: table,
    says: /it is not in the publication "rowcast"/,
    level: 'warning',
    cured: true,
  },
  'the publication is gone': {
    broken: ({ app }) => app.run('DROP PUBLICATION rowcast'),
    about: () => 'publication rowcast',
    says: /there is none yet/,
    level: 'warning',
    cured: true,
  },
  'the slot is gone': {
    broken: ({ app, slot }) => app.run(`SELECT pg_drop_replication_slot('${slot}')`),
    about: ({ slot }) => `slot ${slot}`,
    says: /there is none yet/,
    level: 'warning',
    cured: true,
  },
  'a slot that nobody reads by holds the log': {
    broken: ({ app, slot }) => app.run(`SELECT pg_create_logical_replication_slot('left_${slot}', 'pgoutput')`),
    about: ({ slot }) => `slot left_${slot}`,
    says: /nobody reads by it.* keeps .* of the log for it/,
    level: 'warning',
    cured: true,
  },
  'a listed column was renamed': {
    broken: ({ app }) => app.run('ALTER TABLE item RENAME COLUMN text TO words'),
    about: () => 'table item',
    says: /text/,
    level: 'error',
    cured: false,
  },
  'the key is gone': {
    broken: ({ app }) => app.run('ALTER TABLE item DROP CONSTRAINT item_pkey'),
    about: () => 'table item',
    says: /key/,
    level: 'error',
    cured: true,
  },
  'rows may not be read': {
    async broken({ app, world, slot }) {
      const role = `reader_${slot}`;
      await app.run(`CREATE ROLE ${role} LOGIN REPLICATION`);
      await app.run(`GRANT ALL ON SCHEMA rowcast TO ${role}`);
      await app.run(`GRANT ALL ON ALL TABLES IN SCHEMA rowcast TO ${role}`);
      const url = new URL(world.url);
      url.username = role;
      return { url: url.href };
    },
    about: table,
    says: /may not read/,
    level: 'error',
    cured: true,
  },
  'the log may not be read': {
    async broken({ app, world, slot }) {
      const role = `plain_${slot}`;
      await app.run(`CREATE ROLE ${role} LOGIN`);
      await app.run(`GRANT ALL ON SCHEMA rowcast TO ${role}`);
      await app.run(`GRANT ALL ON ALL TABLES IN SCHEMA rowcast TO ${role}`);
      await app.run(`GRANT ALL ON item TO ${role}`);
      const url = new URL(world.url);
      url.username = role;
      return { url: url.href };
    },
    about: () => 'replication',
    says: /REPLICATION|permission/i,
    level: 'error',
    cured: true,
  },
  'the application’s transaction was left open': {
    async broken({ world }) {
      const other = await world.other();
      await other.run('BEGIN');
      await other.run(`INSERT INTO item VALUES (1, 'x')`);
      return { longOpen: 0 };
    },
    about: () => 'open transaction',
    says: /has had one open/,
    level: 'warning',
    cured: true,
  },
};

describe('doctor finds what is broken, and names what cures it', () => {
  let server: PostgresServer;
  let bare: PostgresServer;
  beforeAll(async () => {
    [server, bare] = await Promise.all([
      startPostgres({ settings: EXAMINED_SETTINGS }),
      startPostgres({ settings: { wal_level: 'replica', max_slot_wal_keep_size: '-1' } }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([server[Symbol.asyncDispose](), bare[Symbol.asyncDispose]()]);
  });

  test.each(Object.entries(BROKEN))('%s', async (_name, { broken, about, says, level, cured }) => {
    await using site = await siteOn(server);
    await site.app.run(WITH_ITEM);
    await setUp(site);
    expect(amiss(await look(site))).toEqual({});
    const more = (await broken(site)) ?? {};
    const findings = await look(site, more);
    expect(amiss(findings)[about(site)]).toMatchObject({ level, message: expect.stringMatching(says) });
    if (!cured) return;
    await cure(site.app, findings);
    await expect.poll(async () => amiss(await look(site, more))[about(site)]).toBeUndefined();
  });

  test('a server whose log has no rows, and one that would keep it without end', async () => {
    await using site = await siteOn(bare);
    await site.app.run(WITH_ITEM);
    const found = amiss(await look(site));
    expect(found['wal_level']).toMatchObject({
      level: 'error',
      cure: [`ALTER SYSTEM SET wal_level = 'logical'`],
      message: expect.stringMatching(/restart/),
    });
    expect(found['max_slot_wal_keep_size']).toMatchObject({
      level: 'warning',
      cure: [expect.stringMatching(/^ALTER SYSTEM/), 'SELECT pg_reload_conf()'],
    });
    await cure(site.app, [found['max_slot_wal_keep_size'] as Finding]);
    await expect.poll(async () => amiss(await look(site))['max_slot_wal_keep_size']).toBeUndefined();
  });

  test('followed by triggers: one that is disabled, and one that is gone', async () => {
    await using site = await siteOn(server);
    await site.app.run(WITH_ITEM);
    const all = [bound(ITEM)];
    await (await site.database({ follow: 'triggers' }).open(all, { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
    const triggers = await site.app.all(`SELECT tgname FROM pg_trigger WHERE tgrelid = 'item'::regclass AND NOT tgisinternal ORDER BY 1`);
    const [first] = triggers.map((row) => String(Object.values(row as object)[0]));
    expect(amiss(await look(site, { follow: 'triggers' }))).toEqual({});
    for (const sql of [`ALTER TABLE item DISABLE TRIGGER "${first}"`, `DROP TRIGGER "${first}" ON item`]) {
      await site.app.run(sql);
      const findings = await look(site, { follow: 'triggers' });
      expect(amiss(findings)[table()]).toMatchObject({ cure: expect.arrayContaining([expect.stringContaining('TRIGGER')]) });
      await cure(site.app, findings);
      expect(amiss(await look(site, { follow: 'triggers' }))).toEqual({});
    }
  });

  test('a SQLite file whose triggers are gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowcast-doctor-'));
    try {
      const file = join(folder, 'app.db');
      const app = new DatabaseSync(file);
      app.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)');
      const item: Bound = {
        model: handModel('item', [{ name: 'id', column: 'id', sqlType: 'integer' }, 'text']) as unknown as Model,
        listed: new Set(['id', 'text']),
      };
      const looked = async (): Promise<Finding[]> => ((await sqlite(file).examine?.([item])) ?? []).filter(({ level }) => level !== 'ok');
      await (await sqlite(file).open([item], { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
      expect(await looked()).toEqual([]);
      for (const { name } of app.prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'item'`).all())
        app.exec(`DROP TRIGGER "${String(name)}"`);
      const [finding] = await looked();
      expect(finding).toMatchObject({ about: 'table item', level: 'error', message: expect.stringMatching(/triggers are missing/) });
      for (const sql of finding?.cure ?? []) app.exec(sql);
      expect(await looked()).toEqual([]);
      app.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('a broker that cannot be reached is one error, without its password', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    for (const broker of [redis(`redis://u:canary@127.0.0.1:${port}`), nats(`nats://u:canary@127.0.0.1:${port}`)]) {
      const findings = await broker.examine();
      expect(findings).toContainEqual(expect.objectContaining({ level: 'error' }));
      expect(JSON.stringify(findings)).not.toContain('canary');
    }
  });
});
