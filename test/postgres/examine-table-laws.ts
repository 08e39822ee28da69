import { expect } from 'vitest';
import { bareModel, bound } from './bare-model.ts';
import { amiss, cure, ITEM, look, setUp, WITH_ITEM } from './examine-laws.ts';
import { testClock, TestLog } from './follower.ts';
import type { Site } from './setup-laws.ts';

const TABLE = 'table public.item';
const PUBLICATION = 'publication rowcast';

/** What looking at bound tables, and at what they are followed by, must tell. */
export const EXAMINE_TABLE_LAWS: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  async 'a table that is not as the code says is an error with the statement, and hides no other'(site) {
    await site.app.run(WITH_ITEM);
    await site.app.run('CREATE TABLE other (id integer, text text)');
    const other = bareModel('other', { id: 'integer', text: 'integer' });
    const all = [bound(bareModel('none', { id: 'integer' })), bound(other), bound(ITEM)];
    const findings = amiss(await look(site, {}, all));
    expect(findings).toMatchObject({
      'table none': { level: 'error', message: expect.stringContaining('run your migrations') },
      'table other': { level: 'error', cure: ['ALTER TABLE "public"."other" ALTER COLUMN "text" TYPE integer'] },
      [TABLE]: { level: 'warning' },
    });
    await site.app.run('ALTER TABLE other ALTER COLUMN text TYPE integer USING NULL');
    const keyless = await look(site, {}, all);
    expect(amiss(keyless)['table other']?.cure).toEqual(['ALTER TABLE "public"."other" ADD PRIMARY KEY ("id")']);
  },

  async 'a table that cannot be followed is an error with the statement'(site) {
    await site.app.run('CREATE UNLOGGED TABLE item (id integer PRIMARY KEY, text text)');
    expect(amiss(await look(site))[TABLE]).toMatchObject({ level: 'error', cure: ['ALTER TABLE "public"."item" SET LOGGED'] });
  },

  async 'a replica identity that keeps less than the row, and a table taken out of the publication, are said with the cure'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    await site.app.run('ALTER TABLE item REPLICA IDENTITY DEFAULT');
    await site.app.run('ALTER PUBLICATION rowcast DROP TABLE item');
    const findings = await look(site);
    expect(amiss(findings)[TABLE]).toMatchObject({
      level: 'warning',
      message: expect.stringMatching(/whole row as it was before a change, and it is not in the publication/),
      cure: expect.arrayContaining(['ALTER TABLE "public"."item" REPLICA IDENTITY FULL']),
    });
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
  },

  async 'a publication that leaves out rows or operations is said with the cure'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    await site.app.run(`ALTER PUBLICATION rowcast SET (publish = 'insert', publish_via_partition_root = false)`);
    await site.app.run('ALTER PUBLICATION rowcast SET TABLE item WHERE (id > 5)');
    const findings = await look(site);
    expect(amiss(findings)).toMatchObject({
      [PUBLICATION]: { level: 'warning', message: expect.stringMatching(/insert, update.*names of those/) },
      [TABLE]: {
        level: 'error',
        message: expect.stringContaining('row filter'),
        cure: [expect.stringContaining('DROP TABLE'), expect.stringContaining('ADD TABLE')],
      },
    });
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
  },

  async 'from 18 on, a publication that leaves out stored generated columns is said with the cure'(site) {
    await site.app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, twice text GENERATED ALWAYS AS (text || text) STORED)');
    await setUp(site);
    if (site.major < 18) return expect(amiss(await look(site))).toEqual({});
    await site.app.run('ALTER PUBLICATION rowcast SET (publish_generated_columns = none)');
    const findings = await look(site);
    expect(amiss(findings)[PUBLICATION]).toMatchObject({ level: 'warning', message: expect.stringContaining('refuses updates') });
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
    await site.app.run(`UPDATE item SET text = 'a'`);
  },

  async 'tables that are published and bound by nobody are named'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    await site.app.run('CREATE TABLE former (id integer PRIMARY KEY)');
    await site.app.run('ALTER PUBLICATION rowcast ADD TABLE former');
    const findings = await look(site);
    expect(amiss(findings)).toMatchObject({ [PUBLICATION]: { level: 'warning', message: expect.stringContaining('public.former') } });
    await cure(site.app, findings);
    expect(amiss(await look(site))).toEqual({});
  },

  async 'a publication that was made under another name is named, with what drops it'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    const renamed = { publication: 'renamed' };
    const findings = await look(site, renamed);
    expect(amiss(findings)).toMatchObject({ 'publication rowcast': { level: 'warning', cure: ['DROP PUBLICATION "rowcast"'] } });
    await cure(site.app, findings);
    expect(amiss(await look(site, renamed))).toEqual({});
  },

  async 'row security is a warning where all rows are read, and an error where a policy would hide some'(site) {
    const { app, slot, world } = site;
    await app.run(WITH_ITEM);
    await setUp(site);
    await app.run('ALTER TABLE item ENABLE ROW LEVEL SECURITY');
    expect(amiss(await look(site))).toMatchObject({
      [TABLE]: { level: 'warning', message: expect.stringContaining('no policy is asked') },
    });
    await app.run(`CREATE ROLE "${slot}" LOGIN REPLICATION`); // sql: a name of ours
    await app.run(`GRANT SELECT ON item TO "${slot}"`); // sql: a name of ours
    await app.run(`GRANT USAGE ON SCHEMA rowcast TO "${slot}"`); // sql: a name of ours
    await app.run(`GRANT ALL ON ALL TABLES IN SCHEMA rowcast TO "${slot}"`); // sql: a name of ours
    const url = new URL(world.url);
    url.username = slot;
    const findings = await look(site, { url: url.href });
    expect(amiss(findings)).toMatchObject({ [TABLE]: { level: 'error', cure: [`ALTER ROLE "${slot}" BYPASSRLS`] } });
    await cure(app, findings);
    expect(amiss(await look(site, { url: url.href }))[TABLE]?.level).toBe('warning');
    await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
    await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
  },

  async 'columns that rows are looked up by want an index that begins with one of them'(site) {
    await site.app.run(WITH_ITEM);
    await setUp(site);
    const grouped = [{ ...bound(ITEM), grouped: [['text'], ['text', 'id']] }];
    const findings = await look(site, {}, grouped);
    expect(findings.filter(({ level }) => level !== 'ok')).toMatchObject([
      { about: TABLE, level: 'warning', cure: ['CREATE INDEX CONCURRENTLY ON "public"."item" ("text")'] },
    ]);
    await site.app.run('CREATE INDEX part ON item (text) WHERE id > 5');
    expect(Object.keys(amiss(await look(site, {}, grouped)))).toEqual([TABLE]);
    await cure(site.app, findings);
    expect(amiss(await look(site, {}, grouped))).toEqual({});
  },

  async 'a journal is named where the log is read, and what is left of the log where triggers are followed: with what removes it'(site) {
    await site.app.run(WITH_ITEM);
    const triggers = { follow: 'triggers' } as const;
    const unmade = await look(site, triggers);
    expect(Object.values(amiss(unmade)).map(({ about, level }) => `${level} ${about}`)).toEqual([
      'warning schema rowcast',
      'warning journal',
      `warning ${TABLE}`,
    ]);
    await cure(site.app, unmade);
    expect(amiss(await look(site, triggers))).toEqual({});
    expect(await site.database(triggers).plan([bound(ITEM)])).toEqual([]);

    const journal = await look(site);
    expect(amiss(journal)).toMatchObject({
      journal: { level: 'warning', cure: expect.arrayContaining(['DROP TABLE "rowcast"."journal"']) },
    });
    await setUp(site);
    expect(amiss(await look(site))).toEqual({});

    const log = await look(site, triggers);
    expect(amiss(log)).toMatchObject({
      log: { level: 'warning', cure: expect.arrayContaining([`SELECT pg_drop_replication_slot('${site.slot}')`]) },
    });
    await cure(site.app, log);
    expect(amiss(await look(site, triggers))).toEqual({});
  },

  async 'triggers that are gone or switched off are an error, and a table whose rows come without them too'(site) {
    const triggers = { follow: 'triggers' } as const;
    await site.app.run(WITH_ITEM);
    await (await site.database(triggers).open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
    expect(amiss(await look(site, triggers))).toEqual({});
    await site.app.run('ALTER TABLE item DISABLE TRIGGER ALL');
    const findings = await look(site, triggers);
    expect(amiss(findings)[TABLE]).toMatchObject({
      level: 'error',
      cure: [expect.stringContaining('ENABLE ALWAYS'), expect.stringContaining('ENABLE ALWAYS')],
    });
    await cure(site.app, findings);
    expect(amiss(await look(site, triggers))).toEqual({});
    await site.app.run('CREATE TABLE child (more integer) INHERITS (item)');
    expect(amiss(await look(site, triggers))[TABLE]).toMatchObject({
      level: 'error',
      cure: ['ALTER TABLE child NO INHERIT "public"."item"'],
    });
  },
};
