import { createClient } from 'redis';
import { describe, expect, test } from 'vitest';
import { redis } from '../../src/redis/index.ts';
import { redisMissing, startRedis, type RedisServerOptions } from '../servers/redis.ts';
import { DRIVERS } from './worlds.ts';

describe.skipIf(redisMissing() !== null).each(Object.keys(DRIVERS))('looking at Redis, by %s', (driver) => {
  async function levels(options: RedisServerOptions): Promise<Record<string, string>> {
    await using server = await startRedis(options);
    const findings = await redis(DRIVERS[driver]?.(server.url) as NonNullable<Parameters<typeof redis>[0]>).examine();
    for (const { level, cure } of findings) expect(cure.length > 0).toBe(level !== 'ok');
    return Object.fromEntries(findings.map(({ about, level }) => [about, level]));
  }
  const fine = { redis: 'ok', 'redis maxmemory-policy': 'ok', 'redis appendonly': 'ok', 'redis role': 'ok', 'redis cluster': 'ok' };
  const kept = { appendonly: 'yes' };

  test('nothing is wrong with one that keeps what it has, alone or in a cluster', async () => {
    expect(await levels({ settings: kept })).toEqual(fine);
    expect(await levels({ settings: kept, cluster: true })).toEqual(fine);
  });

  test('one that throws away what it has when memory runs out, one that a restart empties, and a replica are each found', async () => {
    expect(await levels({ settings: { ...kept, 'maxmemory-policy': 'allkeys-lru', maxmemory: '50mb' } })).toEqual({
      ...fine,
      'redis maxmemory-policy': 'error',
    });
    expect(await levels({ settings: { ...kept, 'maxmemory-policy': 'allkeys-lfu' } })).toEqual({
      ...fine,
      'redis maxmemory-policy': 'warning',
    });
    expect(await levels({})).toEqual({ ...fine, 'redis appendonly': 'warning' });
    expect(await levels({ settings: { ...kept, replicaof: '127.0.0.1 1' } })).toEqual({ ...fine, 'redis role': 'error' });
  });

  test('one that cannot be reached, and one that wants a password, are each one finding, with what to do', async () => {
    expect(await redis(DRIVERS[driver]?.('redis://127.0.0.1:1') as never).examine()).toMatchObject([
      { about: 'redis', level: 'error', cure: [expect.stringMatching(/start redis/i)] },
    ]);
    await using server = await startRedis({ settings: { requirepass: 'secret' } });
    expect(await redis(DRIVERS[driver]?.(server.url) as never).examine()).toMatchObject([
      { level: 'error', cure: [expect.stringMatching(/password/)] },
    ]);
    const findings = await redis(DRIVERS[driver]?.(server.url.replace('//', '//:secret@')) as never).examine();
    expect(findings.map(({ about }) => about)).toEqual(Object.keys(fine));
  });
});

test.skipIf(redisMissing() !== null)('a client of the app’s own is not used, and stays as it was', async () => {
  await using server = await startRedis();
  const own = createClient({ url: server.url });
  await own.connect();
  await redis(own).examine();
  expect(await own.ping()).toBe('PONG');
  own.destroy();
});
