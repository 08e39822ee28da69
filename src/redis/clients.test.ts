import { expect, test } from 'vitest';
import { dialTo } from './clients.ts';

const gone = (): Promise<never> => Promise.reject(Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' }));
const dialled = (load: Parameters<typeof dialTo>[2]): Promise<unknown> =>
  dialTo('redis://127.0.0.1:1', 1_000, load)(() => undefined, new AbortController().signal);

test('without a driver the error names both, and how to install either', async () => {
  await expect(dialled({ redis: gone, ioredis: gone })).rejects.toMatchObject({
    code: 'driver_missing',
    message: expect.stringMatching(/npm install redis\b.*npm install ioredis\b/),
  });
});

test('whichever driver is installed is used', async () => {
  await expect(dialled({ redis: gone, ioredis: () => import('ioredis') })).rejects.toThrow(/ECONNREFUSED/);
  await expect(dialled({ redis: () => import('redis'), ioredis: gone })).rejects.toThrow(/ECONNREFUSED/);
});

test('a driver that is there and does not load is not taken for missing', async () => {
  await expect(dialled({ redis: () => Promise.reject(new Error('it broke')), ioredis: gone })).rejects.toThrow('it broke');
});
