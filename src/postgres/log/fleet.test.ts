import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { FLEET_LAWS } from '../../../test/postgres/fleet-laws.ts';
import { SHARED_LAWS } from '../../../test/postgres/shared-laws.ts';
import { placeOn } from '../../../test/postgres/stream-laws.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';

describe.each<Major>([18, 17])('several processes on Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  for (const [name, law] of Object.entries({ ...FLEET_LAWS, ...SHARED_LAWS })) {
    test(name, async () => {
      await using place = await placeOn(server);
      await law(place);
    });
  }
});
