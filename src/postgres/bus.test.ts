import { afterAll, beforeAll, describe, test } from 'vitest';
import { BUS_LAWS, busFixture } from '../../test/postgres/buses.ts';
import { CAPPED } from '../../test/postgres/fixture.ts';
import { startPostgres, type Major, type PostgresServer } from '../../test/servers/postgres.ts';
import { busSuite } from '../testing/index.ts';

describe.each<Major>([18, 17])('Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  busSuite(
    busFixture('by its log', () => server, 'log'),
    { describe, test },
  );
  busSuite(
    busFixture('by triggers', () => server, 'triggers'),
    { describe, test },
  );
  for (const follow of ['log', 'triggers'] as const) {
    for (const [name, law] of Object.entries(BUS_LAWS)) test(`${name}, by ${follow}`, () => law(server, follow));
  }
});
