import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RedisClient } from '../../src/redis/index.ts';
import { entries, LedgerTrial, START } from '../../src/testing/ledger-trial.ts';
import { redisMissing, startRedis, type RedisServer } from '../servers/redis.ts';
import { DRIVERS, Fleet } from './worlds.ts';

const CLIENTS: Readonly<Record<string, (url: string) => RedisClient>> = {
  ...DRIVERS,
  'a cluster of node-redis': (url) => createCluster({ rootNodes: [{ url }] }),
  'a cluster of ioredis': (url) => new Cluster([url], { lazyConnect: true }),
};

// A node of a cluster takes a script only where all of its keys are in one slot.
describe.skipIf(redisMissing() !== null)('a node of a cluster', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ cluster: true });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each(Object.keys(CLIENTS))(
    'by %s: the keys of a ledger are in one slot, whatever its epoch is called; it is followed, and heard',
    async (name) => {
      const make = CLIENTS[name] as NonNullable<(typeof CLIENTS)[string]>;
      const fleet = new Fleet(() => make(server.url), START, { bounds: { entries: 6, bytes: Infinity, age: Infinity } });
      const trial = new LedgerTrial({ name, skip: [], open: () => Promise.reject(new Error('it has none')) });
      try {
        const [one, two] = [await fleet.join(), await fleet.join()];
        const heard = Promise.withResolvers<unknown>();
        two.bus.listen(({ payload }) => heard.resolve(payload));
        const term = await one.ledger.lead();
        const reader = trial.follow(two.ledger, START);
        for (let number = 1; number <= 8; number += 2) {
          await one.ledger.append(entries(number, 2), term);
          await reader.until(number + 1);
        }
        expect(reader.got).toEqual(entries(1, 8));
        await one.bus.send({ group: 'g', stream: null, payload: { a: 1 }, except: null });
        expect(await heard.promise).toEqual({ a: 1 });
        await trial.follow(two.ledger, START).gap();
      } finally {
        await trial.end();
        await fleet.close();
      }
    },
  );
});
