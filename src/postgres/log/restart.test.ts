import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { ABSENCE_LAWS } from '../../../test/postgres/absence-laws.ts';
import { RESTART_LAWS } from '../../../test/postgres/restart-laws.ts';
import { placeOn } from '../../../test/postgres/stream-laws.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: { ...CAPPED, wal_sender_timeout: '2s' } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('from one life to the next, on Postgres 18', () => {
  for (const [name, law] of Object.entries({ ...RESTART_LAWS, ...ABSENCE_LAWS })) {
    test(name, async () => {
      await using place = await placeOn(server);
      await law(place, server);
    });
  }
});
