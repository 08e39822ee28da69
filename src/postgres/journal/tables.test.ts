import { afterAll, beforeAll, describe, test } from 'vitest';
import { TRIGGER_TABLE_LAWS } from '../../../test/postgres/trigger-table-laws.ts';
import { triggerSiteOn } from '../../../test/postgres/triggers-fixture.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: { wal_level: 'minimal', max_wal_senders: 0 } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('rows and tables under triggers, on Postgres 18', () => {
  for (const [name, law] of Object.entries(TRIGGER_TABLE_LAWS)) {
    test(name, async () => {
      await using site = await triggerSiteOn(server);
      await law(site, server);
    });
  }
});
