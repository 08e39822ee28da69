import { afterAll, beforeAll, describe, test } from 'vitest';
import { EXAMINE_LAWS, EXAMINED_SETTINGS } from '../../test/postgres/examine-laws.ts';
import { EXAMINED_SERVERS } from '../../test/postgres/examine-servers.ts';
import { EXAMINE_TABLE_LAWS } from '../../test/postgres/examine-table-laws.ts';
import { siteOn } from '../../test/postgres/setup-laws.ts';
import { startPostgres, type Major, type PostgresServer } from '../../test/servers/postgres.ts';

// What the catalogs of other servers lack or call otherwise: the oldest from Debian, and the first that says why a slot was cut off.
describe.each<Major>([15, 17])('looking at a database on Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: EXAMINED_SETTINGS });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  for (const [name, law] of Object.entries({ ...EXAMINE_LAWS, ...EXAMINE_TABLE_LAWS })) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site, server);
    });
  }
  for (const [name, law] of Object.entries(EXAMINED_SERVERS)) test(name, () => law(major));
});
