import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bound } from '../../test/postgres/bare-model.ts';
import { EXAMINED_SETTINGS, ITEM, WITH_ITEM } from '../../test/postgres/examine-laws.ts';
import { testClock, TestLog } from '../../test/postgres/follower.ts';
import { siteOn, type Site } from '../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';

const run = promisify(execFile);
const PG_DUMP = '/usr/lib/postgresql/15/bin/pg_dump';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ major: 15, settings: EXAMINED_SETTINGS });
});
afterAll(() => server[Symbol.asyncDispose]());

/** All that a dump has of a database's schema, and what no dump has: slots, and messages about what is open. */
async function dump({ world, app }: Site): Promise<readonly string[]> {
  const { stdout } = await run(PG_DUMP, ['--schema-only', '--dbname', world.url]);
  const slots = await app.all('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()');
  const lines = stdout.split('\n').filter((line) => line !== '' && !/^(--|\\(un)?restrict )/.test(line));
  return [...lines, JSON.stringify(slots)];
}

/** What the application had before: keys of its own, a publication, a trigger, an identity, rights. */
const APPLICATION = [
  WITH_ITEM,
  'CREATE TABLE other (id integer PRIMARY KEY, at timestamptz NOT NULL UNIQUE)',
  'ALTER TABLE other REPLICA IDENTITY USING INDEX other_at_key',
  'CREATE PUBLICATION theirs FOR TABLE other',
  `CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$`,
  'CREATE TRIGGER touched BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touched()',
];

test.each(['log', 'triggers'] as const)('setup and then teardown leave the schema as it was, followed by %s', async (follow) => {
  await using site = await siteOn(server);
  for (const sql of APPLICATION) await site.app.run(sql);
  const before = await dump(site);
  const all = [bound(ITEM)];
  const database = site.database({ follow });
  await (await database.open(all, { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
  await site.app.run(`INSERT INTO item VALUES (1, 'written while it was followed')`);
  const between = await dump(site);
  expect(between).not.toEqual(before); // else this compares nothing
  expect(between.join('\n')).toContain('rowcast');
  await database.teardown(all);
  expect(await dump(site)).toEqual(before);
  await site.app.run(`UPDATE item SET text = 'and after'`);
});
