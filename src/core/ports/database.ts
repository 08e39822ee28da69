import type { Receipt } from '../change.ts';
import type { Model } from '../model.ts';
import type { Table } from '../table.ts';
import type { Bus } from './bus.ts';
import type { ChangeSource } from './change-source.ts';
import type { Clock } from './clock.ts';
import type { Lease } from './lease.ts';
import type { Log } from './log.ts';
import type { Rows } from './rows.ts';
import type { Store } from './store.ts';

/** A model some binding names, and the columns (by property) that bindings list: what must be in the database as the code says. */
export interface Bound {
  readonly model: Model;
  readonly listed: ReadonlySet<string>;
  /** Columns that rows are looked up by, together: those of each `groupBy`. Left out: none is known. */
  readonly grouped?: readonly (readonly string[])[];
}

/** One thing Rowcast does to a database, as SQL that anyone may run by hand, and why. */
export interface SetupStep {
  readonly sql: string;
  readonly why: string;
}

export interface OpenOptions {
  /** `auto` applies what is missing; `check` refuses with `setup_needed`, the statements in its message. */
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
  /** One of several processes reads the log for all, whoever holds the lease: nothing is taken for reading before `read`. Default: false. */
  readonly shared?: boolean;
  /** Only looks on, beside those who serve: changes nothing, keeps nobody waiting, and leaves nothing behind. With `check`. Default: false. */
  readonly watching?: boolean;
}

/**
 * A database that can be bound: `sqlite(…)`, `postgres(…)`, `pglite(…)`, `memory()`. Nothing is touched before `open` or `plan`.
 *
 * `plan` gives the steps that are missing, in order, applying none; `open` applies or refuses them, joins models to the catalog
 * (`schema_drift` names a listed column that is missing or of another type, and the fix) and is ready to read and write; `teardown` removes
 * all that any step ever made and gives what it ran. `plan` and `teardown` close what they opened.
 */
export interface Database {
  readonly name: string;
  plan(bound: readonly Bound[]): Promise<readonly SetupStep[]>;
  open(bound: readonly Bound[], options: OpenOptions): Promise<OpenDatabase>;
  teardown(bound: readonly Bound[]): Promise<readonly SetupStep[]>;
  /** Looks at everything that following these models needs, changes nothing, and never rejects: what cannot be looked at is a finding. */
  examine?(bound: readonly Bound[]): Promise<readonly Finding[]>;
}

/** One thing that was looked at. */
export interface Finding {
  /** What it is about: `wal_level`, `slot`, `table public.post`. */
  readonly about: string;
  /** `ok`; `warning`: works, and will cost something; `error`: does not work. */
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
  /** What cures it. SQL that may be run as it stands, each statement of its own. */
  readonly cure: readonly string[];
}

export interface OpenDatabase {
  readonly tables: ReadonlyMap<Model, Table>;
  readonly source: ChangeSource;
  readonly store: Store;
  readonly rows: Rows;
  /** Which process reads the log for all. Left out: this database has one process. */
  readonly lease?: Lease;
  /** What carries messages to the other processes on this database. Left out: there are none. */
  readonly bus?: Bus;
  /** Made once and kept in the database: what signs what clients bring back. */
  readonly secret: string;
  /**
   * Leaves a receipt inside a transaction of the app's own, which comes back with that transaction's commit, or never. `tx` is what the app
   * writes with: Drizzle's transaction, or the driver's own client. Synchronous where the database is. @throws {RowcastError} `receipt_invalid`
   * for anything else.
   */
  leave(tx: unknown, receipt: Pick<Receipt, 'client' | 'write'>): void | Promise<void>;
  close(): Promise<void>;
}
