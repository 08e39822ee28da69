import type { Broker, BrokerOptions, Finding, OpenBroker } from '../core/index.ts';
import { redisBus } from './bus.ts';
import { dialBy, dialTo, type RedisClient } from './clients.ts';
import { examine } from './examine.ts';
import { RedisLedger } from './ledger.ts';
import { Link } from './link.ts';
import { keysOf } from './scripts.ts';

export interface RedisOptions {
  /** What its keys and its channel begin with: two apps on one server have two. Default: `rowcast`. */
  readonly prefix?: string;
  /** How long Redis may say nothing before it counts as away, ms. Default: 5,000. */
  readonly patience?: number;
}

/**
 * What a fleet shares, in Redis 7 or Valkey: a ledger in a stream, a bus in a channel. Keys of one ledger lie in one slot of a cluster.
 *
 * @param where a URL, for which `redis` or `ioredis` must be installed, or a client of either that the app made: it is not used itself, what
 *   Rowcast needs are connections made as it was: one to append, one to hear, and one for each follower.
 * @example live({ database, broker: redis('redis://127.0.0.1:6379'), … })
 */
export function redis(where: string | URL | RedisClient, { prefix = 'rowcast', patience = 5_000 }: RedisOptions = {}): Broker {
  const dial = typeof where === 'string' || where instanceof URL ? dialTo(String(where), patience) : dialBy(where, patience);
  return {
    name: 'redis',
    async open({ epoch, start, bounds, clock, log }: BrokerOptions): Promise<OpenBroker> {
      const keys = keysOf(prefix, epoch);
      const options = { clock, log, patience };
      const link = await Link.open(dial, options);
      try {
        const { bus, close } = await redisBus(dial, { link, channel: keys.bus, options });
        const ledger = new RedisLedger({ link, dial, keys, line: options }, { start, bounds, clock });
        return {
          ledger,
          bus,
          async close() {
            close();
            link.close();
          },
        };
      } catch (error) {
        link.close();
        throw error;
      }
    },
    examine: (): Promise<readonly Finding[]> => examine(dial, patience),
  };
}
