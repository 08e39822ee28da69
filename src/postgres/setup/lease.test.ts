import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { leaseFixture } from '../../../test/postgres/leases.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';
import { leaseSuite } from '../../testing/index.ts';

describe.each<Major>([18, 17])('Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  leaseSuite(
    leaseFixture('by its log', () => server, 'log'),
    { describe, test },
  );
  leaseSuite(
    leaseFixture('by triggers', () => server, 'triggers'),
    { describe, test },
  );
});
