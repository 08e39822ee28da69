import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED, logFixture } from '../../../test/postgres/fixture.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';
import { rowsSuite, sourceSuite, storeSuite } from '../../testing/index.ts';

describe.each<Major>([18])('Postgres %i by its log', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const fixture = logFixture(`postgres ${major}`, () => server);
  sourceSuite(fixture, { describe, test });
  storeSuite(fixture, { describe, test });
  rowsSuite(fixture, { describe, test });
});
