import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { LOG_LAWS } from '../../../test/postgres/log-laws.ts';
import { siteOn } from '../../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: CAPPED });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("rows and tables in Postgres 18's log", () => {
  for (const [name, law] of Object.entries(LOG_LAWS)) {
    test(name, async () => {
      await using site = await siteOn(server);
      await law(site);
    });
  }
});
