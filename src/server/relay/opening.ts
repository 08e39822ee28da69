import {
  RowcastError,
  type Broker,
  type Bus,
  type Clock,
  type Database,
  type Floor,
  type Ledger,
  type LedgerBounds,
  type Lease,
  type Log,
  type OpenDatabase,
  type Position,
  type Binding,
} from '../../core/index.ts';
import { boundOf } from '../bindings/bindings.ts';

export interface OpeningOptions {
  readonly source: Database;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
  /** What several processes share; null: each reads for itself. */
  readonly broker: Broker | null;
  /** What carries messages between groups; null: the broker's, or the database's, or this process's own. */
  readonly bus: Bus | null;
  readonly window: LedgerBounds;
  /** This process's own, where nothing is shared. */
  ledger(start: Position, options: { readonly bounds: LedgerBounds; readonly clock: Clock }): Ledger;
  ownBus(): Bus;
}

/** A database, and what is between its log and those who follow it. */
export interface Opening {
  readonly database: OpenDatabase;
  readonly ledger: Ledger;
  readonly bus: Bus;
  /** Where the log begins for a process that reads it for itself. */
  readonly floor: Floor;
  readonly tail: Position;
  /** By which one of several reads for all, and over what the others hear of it, whatever carries the app's messages; null: this one reads for itself. */
  readonly leading: { readonly lease: Lease; readonly bus: Bus } | null;
  /** Lets go of both. */
  close(): Promise<void>;
}

/** @throws {RowcastError} */
export async function opening(options: OpeningOptions): Promise<Opening> {
  const { source, bindings, setup, clock, log, broker, window: bounds } = options;
  const database = await source.open(boundOf(bindings), { setup, clock, log, ...(broker && { shared: true }) });
  try {
    const { lease = null } = database;
    if (broker && !lease) {
      throw new RowcastError(
        'source_unsupported',
        `${broker.name} is for several processes on one database, and ${source.name} cannot say which of them reads for all: ` +
          'leave `broker` out, or use postgres() or sqlite()',
      );
    }
    const floor = await database.source.floor();
    const tail = await database.source.tail();
    const shared = await broker?.open({ epoch: database.source.epoch, start: floor.position, bounds, clock, log });
    return {
      database,
      ledger: shared?.ledger ?? options.ledger(floor.position, { bounds, clock }),
      bus: options.bus ?? shared?.bus ?? database.bus ?? options.ownBus(),
      floor,
      tail,
      leading: shared && lease ? { lease, bus: shared.bus } : null,
      async close() {
        try {
          await shared?.close();
        } finally {
          await database.close();
        }
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
