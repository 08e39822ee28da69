import { describe, expect, test } from 'vitest';
import { BROKEN_LEASES, leaseOf } from '../../test/testing/broken-leases.ts';
import { memoryLease } from '../memory/index.ts';
import { leaseSuite, type LeaseFixture } from './index.ts';

leaseSuite(leaseOf('a value', {}), { describe, test });

leaseSuite(
  {
    name: 'memory',
    skip: [],
    async open() {
      let now = 0;
      const lease = memoryLease({ now: () => now });
      return { lease, another: async () => lease, pass: async (ms) => void (now += ms), close: async () => {} };
    },
  },
  { describe, test },
);

function lawsOf(fixture: LeaseFixture): ReadonlyMap<string, () => Promise<void>> {
  const laws = new Map<string, () => Promise<void>>();
  const keep = (name: string, law: () => Promise<void>): unknown => laws.set(name, law);
  leaseSuite(fixture, { describe: (_, body) => body(), test: Object.assign(keep, { skip: keep }) });
  return laws;
}

describe('the test of the test', () => {
  test.each(BROKEN_LEASES)('a lease that $name is found by the law that forbids it', async ({ name, part, law }) => {
    await expect(lawsOf(leaseOf(name, part)).get(law)?.(), law).rejects.toThrow();
  });

  test('most of them are found by the play at random alone', async () => {
    const missed: string[] = [];
    for (const { name, part } of BROKEN_LEASES) {
      const play = [...lawsOf(leaseOf(name, part))].at(-1)?.[1];
      const found = await play?.().then(
        () => false,
        () => true,
      );
      if (!found) missed.push(name);
    }
    // It takes one step after the other.
    expect(missed).toEqual(['looks, and then writes']);
  });
});
