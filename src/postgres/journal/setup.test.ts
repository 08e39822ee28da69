import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { offersTriggers, TRIGGER_SETUP_LAWS } from '../../../test/postgres/trigger-setup-laws.ts';
import { triggerSiteOn } from '../../../test/postgres/triggers-fixture.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: CAPPED });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('what is done to a Postgres 18 to follow it by triggers', () => {
  for (const [name, law] of Object.entries(TRIGGER_SETUP_LAWS)) {
    test(name, async () => {
      await using site = await triggerSiteOn(server);
      await law(site, server);
    });
  }
  test('a server whose log has no rows is refused with triggers offered by name', () => offersTriggers(18));
});
