import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { judge, readByThree } from '../../../test/postgres/journal-readers.ts';
import { TRIGGER_LAWS } from '../../../test/postgres/trigger-laws.ts';
import { offersTriggers, TRIGGER_SETUP_LAWS } from '../../../test/postgres/trigger-setup-laws.ts';
import { TRIGGER_TABLE_LAWS } from '../../../test/postgres/trigger-table-laws.ts';
import { triggersFixture, triggerSiteOn } from '../../../test/postgres/triggers-fixture.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';
import { rowsSuite, sourceSuite, storeSuite } from '../../testing/index.ts';

// Everything that holds on 18 holds on the oldest server.
describe('Postgres 15 by triggers', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major: 15, settings: { ...CAPPED, max_prepared_transactions: 5 } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const fixture = triggersFixture('postgres 15 by triggers', () => server);
  sourceSuite(fixture, { describe, test });
  rowsSuite(fixture, { describe, test });
  storeSuite(fixture, { describe, test });

  for (const [name, law] of Object.entries({ ...TRIGGER_LAWS, ...TRIGGER_TABLE_LAWS, ...TRIGGER_SETUP_LAWS })) {
    test(name, async () => {
      await using site = await triggerSiteOn(server);
      await law(site, server);
    });
  }
  test('a server whose log has no rows is refused with triggers offered by name', () => offersTriggers(15));

  test('under thirty writers every change is told once, in the order of its row', async () => {
    const { difference, table } = await readByThree(server);
    expect(judge(difference, table)).toEqual({ lost: 0, duplicated: 0, inverted: 0, wrong: 0 });
  });
});
