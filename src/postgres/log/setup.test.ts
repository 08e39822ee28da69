import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { REFUSED_SERVERS } from '../../../test/postgres/refused-servers.ts';
import { SETUP_LAWS, siteOn } from '../../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: CAPPED });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('what is done to a Postgres 18 to follow it', () => {
  for (const [name, law] of Object.entries(SETUP_LAWS)) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site, server);
    });
  }
});

describe('a Postgres 18 that cannot be followed', () => {
  for (const [name, law] of Object.entries(REFUSED_SERVERS)) test(name, () => law(18));
});
