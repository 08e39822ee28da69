import { afterAll, beforeAll, describe, test } from 'vitest';
import { triggersFixture } from '../../../test/postgres/triggers-fixture.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';
import { rowsSuite, sourceSuite, storeSuite } from '../../testing/index.ts';

// A server whose log has no rows at all.
describe.each<Major>([18, 17])('Postgres %i by triggers', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: { wal_level: 'minimal', max_wal_senders: 0 } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const fixture = triggersFixture(`postgres ${major} by triggers`, () => server);
  sourceSuite(fixture, { describe, test });
  rowsSuite(fixture, { describe, test });
  storeSuite(fixture, { describe, test });
});
