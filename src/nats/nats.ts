import type { NatsConnection } from '@nats-io/transport-node';
import type { Broker, BrokerOptions, Finding, OpenBroker } from '../core/index.ts';
import { NatsBus } from './bus.ts';
import { examine } from './examine.ts';
import { NatsLedger } from './ledger.ts';
import { Line } from './line.ts';
import { namesOf, Stream, type NatsOptions } from './stream.ts';

export type { NatsOptions } from './stream.ts';

const PREFIX = /^[\w-]{1,32}$/;

/**
 * NATS as what the processes of a fleet share: JetStream keeps the ledger, one stream for each database's history, and core NATS carries the
 * bus. Server 2.9 or later, JetStream on; in a cluster the stream has three replicas.
 *
 * @param to `nats://user:password@host:4222,other:4222` (`tls://` for TLS), or a connection that the app made: with credentials, a proxy, its
 * own certificates. That one is left open; it should be made with `maxReconnectAttempts: -1`.
 * @throws {RowcastError} of `open`: `driver_missing` without the package `@nats-io/transport-node`; `ledger_lost` when no server can be reached.
 * @example const live = await rowcast({ database, bindings, broker: nats('nats://localhost:4222') })
 */
export function nats(to: string | NatsConnection, options: NatsOptions = {}): Broker {
  if (!PREFIX.test(options.prefix ?? 'rowcast')) {
    throw new TypeError(`nats(…): the prefix "${options.prefix}" is no name: up to 32 of A-Z a-z 0-9 _ -`);
  }
  return {
    name: 'nats',
    open: (opening) => open(to, options, opening),
    examine: (): Promise<readonly Finding[]> => examine(to, options),
  };
}

async function open(to: string | NatsConnection, options: NatsOptions, opening: BrokerOptions): Promise<OpenBroker> {
  const line = await Line.open(to, opening.log);
  try {
    const bus = await NatsBus.open(line, namesOf(opening.epoch, options.prefix).bus, opening.log);
    const ledger = new NatsLedger(new Stream(line, opening.epoch, options), opening);
    // Whoever is first makes the stream; and what does not work says so now.
    await ledger.tail();
    return {
      ledger,
      bus,
      async close() {
        bus.close();
        await line.close();
      },
    };
  } catch (error) {
    await line.close();
    throw error;
  }
}
