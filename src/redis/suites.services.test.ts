import { createClient } from 'redis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { DRIVERS, Fleet } from '../../test/redis/worlds.ts';
import { redisMissing, startRedis, type RedisServer } from '../../test/servers/redis.ts';
import { ORIGIN } from '../core/index.ts';
import { busSuite, ledgerSuite } from '../testing/index.ts';

const missing = redisMissing();
if (missing !== null) console.log(`the laws of Redis are skipped: ${missing}`);

describe.skipIf(missing !== null)('Redis', () => {
  let server: RedisServer;
  let own: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await startRedis();
    own = createClient({ url: server.url });
    await own.connect();
  });
  afterAll(async () => {
    own.destroy();
    await server[Symbol.asyncDispose]();
  });

  for (const [name, client] of Object.entries(DRIVERS)) {
    ledgerSuite(
      {
        name,
        skip: [],
        loses: true,
        async open(start, bounds) {
          const fleet = new Fleet(() => client(server.url), start, {
            bounds: { entries: Infinity, bytes: Infinity, age: Infinity, ...bounds },
          });
          const { ledger } = await fleet.join();
          const keys = (['state', 'log', 'index'] as const).map((key) => fleet.key(key));
          const all = async (): Promise<void> => void (await own.del(keys));
          return {
            ledger,
            another: async () => (await fleet.join()).ledger,
            pass: async (ms) => fleet.pass(ms),
            lose: {
              all,
              // What a replica that lags behind has when it takes over.
              async lag() {
                const was = await Promise.all(
                  keys.map((key) => own.sendCommand<Buffer | null>(['DUMP', key], { typeMapping: { 36: Buffer } })),
                );
                return async () => {
                  await all();
                  for (const [at, dump] of was.entries()) {
                    if (dump) await own.sendCommand(['RESTORE', keys[at] as string, '0', dump]);
                  }
                };
              },
            },
            close: () => fleet.close(),
          };
        },
      },
      { describe, test },
    );
    busSuite(
      {
        name,
        skip: [],
        async open() {
          const fleet = new Fleet(() => client(server.url), ORIGIN);
          const { bus } = await fleet.join();
          return { bus, another: async () => (await fleet.join()).bus, close: () => fleet.close() };
        },
      },
      { describe, test },
    );
  }
});
