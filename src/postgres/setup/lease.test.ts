import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { testClock, TestLog } from '../../../test/postgres/follower.ts';
import { leaseFixture } from '../../../test/postgres/leases.ts';
import { startPostgres, type Major, type PostgresServer } from '../../../test/servers/postgres.ts';
import { leaseSuite } from '../../testing/index.ts';
import { postgres } from '../index.ts';

describe.each<Major>([18, 17])('Postgres %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: CAPPED });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  leaseSuite(
    leaseFixture('by its log', () => server, 'log'),
    { describe, test },
  );
  leaseSuite(
    leaseFixture('by triggers', () => server, 'triggers'),
    { describe, test },
  );

  test.each(['log', 'triggers'] as const)('by %s, a lease is had however many writes of the app wait for a connection', async (follow) => {
    const source = postgres({ url: await server.createDatabase(), follow, slot: `busy_${follow}`, connections: 2 });
    const open = await source.open([], { setup: 'auto', clock: testClock(), log: new TestLog(), shared: true });
    let end = (): void => undefined;
    const gate = new Promise<void>((resolve) => (end = resolve));
    let begun = 0;
    const run = (): Promise<void> => (begun++, gate);
    const writes = [1, 2, 3, 4].map((write) =>
      open.store.write({
        claim: { principal: 'ann', receipt: { client: 'page', write }, hash: 'h' },
        steps: [{ kind: 'call', name: 'slow', judge: () => null, run }],
        answer: () => ({ ok: true, value: null }),
      }),
    );
    try {
      while (begun < 2) await new Promise<void>((resolve) => setTimeout(resolve, 5));
      const { term } = (await open.lease?.take('a', 60_000)) ?? { term: 0 };
      expect(term).toBe(1);
      expect(await open.lease?.take('a', 60_000)).toEqual({ term, wanted: false });
      expect(begun).toBe(2); // they had none meanwhile
    } finally {
      end();
      await Promise.all(writes);
      await open.close();
    }
  });
});
