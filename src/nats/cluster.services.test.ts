import { describe, expect, test } from 'vitest';
import { HAS_NATS, startNatsCluster, type NatsServer } from '../../test/servers/nats.ts';
import { asked, backAgain, FleetWorld } from '../../test/support/nats-world.ts';
import { RowcastError, type Entry, type Ledger } from '../core/index.ts';
import { at, entries, START } from '../testing/ledger-trial.ts';
import { nats } from './index.ts';
import { namesOf } from './stream.ts';

async function retried<T>(ask: () => Promise<T>): Promise<T> {
  for (const late = Date.now() + 60_000; ;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RowcastError) || error.code !== 'ledger_lost' || Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Follows as a gateway does: from where it was, when the broker was away. */
async function gateway(ledger: Ledger, got: Entry[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await retried(async () => {
      for await (const batch of ledger.follow(got.at(-1)?.position ?? START, signal)) got.push(...batch);
    });
  }
}

describe.skipIf(!HAS_NATS)('three servers', () => {
  test(
    'keep a ledger together: the one that leads the stream is killed, again and again, and nothing is lost, twice, or out of order',
    { timeout: 240_000 },
    async () => {
      const servers = await startNatsCluster();
      const url = servers.map((server) => server.url).join(',');
      try {
        await using world = new FleetWorld(START);
        const ledger = await retried(async () => (await world.open(nats(url))).ledger);
        const other = await retried(async () => (await world.open(nats(url))).ledger);
        const { stream } = namesOf(world.epoch);
        const [got, ended] = [[] as Entry[], new AbortController()];
        const following = gateway(other, got, ended.signal);
        following.catch(() => undefined);
        let term = await retried(() => ledger.lead());
        let number = 0;
        const append = async (count: number): Promise<void> => {
          for (const end = number + count; number < end;) {
            try {
              await ledger.append(entries(number + 1, 1), term);
              number++;
            } catch (error) {
              // As the relay does it: whether it was taken is asked, not guessed.
              if (!(error instanceof RowcastError) || !['ledger_lost', 'ledger_conflict'].includes(error.code)) throw error;
              await new Promise((resolve) => setTimeout(resolve, 50));
              const tail = await retried(() => ledger.tail());
              number = Number((BigInt(`0x${tail}`) - BigInt(`0x${START}`)) / 10n);
            }
          }
        };
        await append(50);
        const { config } = (await asked(servers[0] as NatsServer, `STREAM.INFO.${stream}`)) as { config: { num_replicas: number } };
        expect(config.num_replicas).toBe(3);
        for (let round = 0; round < 2; round++) {
          const leader = await leaderOf(servers, stream);
          await Promise.all([append(50), leader.kill()]);
          await leader.start();
          await backAgain(ledger);
          await append(20);
        }
        const last = number;
        // Another takes over while a server is away: the one before appends nothing more.
        const leader = await leaderOf(servers, stream);
        await leader.kill();
        const next = await retried(() => other.lead());
        await expect(retried(() => ledger.append(entries(last + 1, 1), term))).rejects.toMatchObject({ code: 'ledger_fenced' });
        term = next;
        await append(10);
        await leader.start();
        await expect.poll(() => got.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(number);
        ended.abort();
        await following;
        expect(got).toEqual(entries(1, number));
        expect(await retried(() => ledger.tail())).toBe(at(number));
      } finally {
        for (const server of servers) await server[Symbol.asyncDispose]();
      }
    },
  );
});

/** Who leads the stream, once all three have all of it: of three that are killed one by one, two must always be. */
async function leaderOf(servers: readonly NatsServer[], stream: string): Promise<NatsServer> {
  for (const late = Date.now() + 90_000; Date.now() < late; await new Promise((resolve) => setTimeout(resolve, 100))) {
    for (const server of servers) {
      type Info = { cluster?: { leader?: string; replicas?: readonly { current: boolean }[] } };
      const { cluster } = (await asked(server, `STREAM.INFO.${stream}`).catch(() => ({}))) as Info;
      const leader = servers.find(({ name }) => name === cluster?.leader);
      if (leader && cluster?.replicas?.length === 2 && cluster.replicas.every(({ current }) => current)) return leader;
    }
  }
  throw new Error('the stream has no leader, or never again three copies');
}
