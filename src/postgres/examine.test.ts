import { afterAll, beforeAll, describe, test } from 'vitest';
import { EXAMINE_LAWS, EXAMINED_SETTINGS } from '../../test/postgres/examine-laws.ts';
import { EXAMINED_SERVERS } from '../../test/postgres/examine-servers.ts';
import { EXAMINE_TABLE_LAWS } from '../../test/postgres/examine-table-laws.ts';
import { siteOn } from '../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: EXAMINED_SETTINGS });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('looking at a database on Postgres 18', () => {
  for (const [name, law] of Object.entries({ ...EXAMINE_LAWS, ...EXAMINE_TABLE_LAWS })) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site, server);
    });
  }
});

describe('looking at a Postgres 18 in a bad way', () => {
  for (const [name, law] of Object.entries(EXAMINED_SERVERS)) test(name, () => law(18));
});
