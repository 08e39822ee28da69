import type { Position } from '../position.ts';
import type { Bus } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Finding } from './database.ts';
import type { Ledger, LedgerBounds } from './ledger.ts';
import type { Log } from './log.ts';

export interface BrokerOptions {
  /** The history that its positions are of: ledgers of two histories share nothing, neither do their buses. */
  readonly epoch: string;
  /** Where the ledger begins, if nobody has begun it. */
  readonly start: Position;
  readonly bounds: LedgerBounds;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What the processes of a fleet share: `redis(url)`, `nats(url)`, `siblings()`. Nothing is touched before `open` or `examine`.
 *
 * A broker may be away: `append`, `floor`, `tail` and `lead` then reject with `ledger_lost`, and so does a read of `follow`; `send` likewise. It
 * comes back by itself, tried again with growing pauses; nothing that was refused is kept for it. `close` lets go of it and leaves what it
 * holds.
 */
export interface Broker {
  readonly name: string;
  open(options: BrokerOptions): Promise<OpenBroker>;
  /** Looks at what a fleet needs of it, changes nothing, and never rejects. */
  examine(): Promise<readonly Finding[]>;
}

export interface OpenBroker {
  readonly ledger: Ledger;
  readonly bus: Bus;
  close(): Promise<void>;
}
