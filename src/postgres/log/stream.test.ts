import { afterAll, beforeAll, describe, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { placeOn, STREAM_LAWS } from '../../../test/postgres/stream-laws.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: { ...CAPPED, wal_sender_timeout: '2s', max_prepared_transactions: 5 } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('the stream of commits of Postgres 18', () => {
  for (const [name, law] of Object.entries(STREAM_LAWS)) {
    test(name, async () => {
      await using place = await placeOn(server);
      await law(place, server);
    });
  }
});
