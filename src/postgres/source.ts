import {
  numberOf,
  positionOf,
  RowcastError,
  type ChangeSource,
  type Clock,
  type Commit,
  type Log,
  type Position,
  type Published,
  type Receipt,
} from '../core/index.ts';
import { Assembler, type TransactionBounds } from './assembler.ts';
import { LogStream, type Progress } from './log-stream.ts';
import { lsnOf } from './lsn.ts';
import { leaveReceipt, leaveRows } from './messages.ts';
import { Following } from './following.ts';
import { readStanding, type Standing } from './publication.ts';
import { ReplicationConnection } from './replication.ts';
import { claimSlot, readSlot, slotTaken, type SlotName } from './slot.ts';
import { literal, sqlState, type Sessions, type Sql } from './sql.ts';
import type { PgTable } from './tables.ts';

export interface SourceParts {
  /** Of the server itself: a pooler may not pass the log on. */
  readonly url: string;
  readonly sessions: Sessions;
  readonly tables: readonly PgTable[];
  readonly slot: SlotName;
  readonly publication: string;
  readonly bounds: TransactionBounds;
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
}

interface Ready {
  readonly connection: ReplicationConnection;
  /** Before it, the slot has nothing. */
  readonly confirmed: bigint;
}

interface Start {
  readonly epoch: string;
  readonly history: string;
  readonly standing: Standing;
  readonly ready: Ready;
}

/** Between two looks at whether the publication is still the one we read by. */
const LOOK_MS = 30_000;

/** Core's change source over a Postgres server's own log: its contract is in `core/ports/change-source.ts`. */
export class PostgresSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  readonly #history: string;
  readonly #progress: Progress = { acknowledged: 0n, delivered: 0n, confirmed: 0n };
  readonly #following: Following;
  /** The publication was changed: what the log has left out since cannot be known. */
  #altered = false;
  #ready: Ready | null;
  #stream: LogStream | null = null;
  readonly #closed = new AbortController();

  private constructor(parts: SourceParts, start: Start) {
    this.#parts = parts;
    this.epoch = `${start.epoch}.${start.history}`;
    this.#history = start.history;
    this.#following = new Following(parts, start.standing);
    this.#ready = start.ready;
  }

  /**
   * The publication must be set up. The slot is made here: what is committed from now on will be read. The connection is the source's, unless
   * this rejects.
   *
   * @throws {RowcastError} `source_unsupported`, with the cure, when the slot is not to be had.
   */
  static async open(parts: SourceParts, connection: ReplicationConnection, notes: { readonly epoch: string }): Promise<PostgresSource> {
    const standing = await readStanding(parts.sessions, parts.publication, parts.tables);
    const history = await historyOf(connection);
    const confirmed = await claimSlot(parts.slot, { ...parts, connection, sql: parts.sessions });
    return new PostgresSource(parts, { epoch: notes.epoch, history, standing, ready: { connection, confirmed } });
  }

  async tail(): Promise<Position> {
    const [row] = await this.#parts.sessions.query('SELECT pg_current_wal_insert_lsn()');
    return positionOf(lsnOf(row?.[0] ?? '0/0'));
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    if (this.#stream) throw new Error('the log is being read already: one reader at a time');
    if (this.#closed.signal.aborted) throw new RowcastError('closed', 'the database was closed');
    const { clock, slot, publication } = this.#parts;
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    let ready: Ready | null = null;
    let unwatch = (): void => {};
    try {
      ready = await this.#connect(ending);
      unwatch = ready.connection.cutBy(ending);
      const stream = await this.#streamFrom(ready, numberOf(after));
      const { failed } = await ready.connection.start({ slot: slot.name, publication, from: numberOf(after) }, stream);
      unwatch();
      this.#stream = stream;
      let tellsLoss = this.#altered;
      const watch = watchEvery(clock, () => this.#look());
      try {
        for await (const batch of stream.batches(failed, signal)) {
          // Not before it was given out: until then it has to be said again after every failure.
          if (tellsLoss) this.#altered = tellsLoss = false;
          yield batch;
        }
      } finally {
        watch.cancel();
        this.#stream = null;
      }
    } catch (error) {
      await ready?.connection.close();
      if (signal.aborted) return;
      throw this.#explained(error);
    } finally {
      unwatch();
    }
  }

  acknowledge(position: Position): void {
    const reached = numberOf(position);
    if (reached > this.#progress.acknowledged) this.#progress.acknowledged = reached;
    this.#stream?.acknowledged();
  }

  async mark(receipt: Receipt): Promise<void> {
    await leaveReceipt(this.#parts.sessions, receipt);
  }

  async publish(changes: readonly Published[], receipt: Receipt): Promise<void> {
    await this.#parts.sessions.transaction(async (tx) => {
      await leaveRows(tx, changes);
      await leaveReceipt(tx, receipt);
    });
  }

  /** The server's side is gone when it resolves, a temporary slot with it. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#stream?.close();
    await this.#ready?.connection.close();
  }

  async #streamFrom({ connection, confirmed }: Ready, from: bigint): Promise<LogStream> {
    const { clock, log, slot, tables, bounds } = this.#parts;
    // What we told the server it may forget without a word had nothing in it for whoever has all that was delivered; unless it was left out.
    const quiet = !this.#altered && from >= this.#progress.delivered && this.#progress.confirmed > from;
    const known = quiet ? this.#progress.confirmed : from;
    const gap = confirmed > known;
    // Positions must rise: the loss stands where the slot begins again, which has to be past what was delivered.
    if (this.#altered && !gap) throw new RowcastError('source_lost', 'the change of the publication has not reached the log yet');
    if (gap) log.warn({ slot: slot.name }, 'the log does not reach back to where it was left: every viewer reads again');
    const xid = BigInt(await one(connection, 'SELECT pg_snapshot_xmax(pg_current_snapshot())'));
    const timeout = Number(await one(connection, `SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'`));
    return new LogStream({
      connection,
      assembler: new Assembler(tables, bounds, { after: gap ? confirmed : from, gap, xid }),
      progress: this.#progress,
      clock,
      timeout,
      notice: () => void this.#look(),
    });
  }

  async #connect(signal: AbortSignal): Promise<Ready> {
    const ready = this.#ready;
    this.#ready = null;
    if (ready) return ready;
    const { url, sessions, slot } = this.#parts;
    await unless(signal, this.#restore());
    const connection = await ReplicationConnection.open(url, signal);
    const unwatch = connection.cutBy(signal);
    try {
      if ((await historyOf(connection)) !== this.#history) {
        throw new RowcastError('source_lost', 'this is another server, or one restored to another history; start this process again');
      }
      let confirmed = await claimSlot(slot, { ...this.#parts, connection, sql: sessions });
      if (this.#altered) {
        // Before the change the log cannot be read by the publication of now: servers before 18 fail there for ever.
        await connection.query(`SELECT pg_replication_slot_advance(${literal(slot.name)}, pg_current_wal_flush_lsn())`);
        confirmed = (await readSlot(connection, slot.name))?.confirmed ?? confirmed;
      }
      return { connection, confirmed };
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      unwatch();
    }
  }

  /** Looks at the publication before the log is read by it again, and sets right what is amiss. */
  async #restore(): Promise<void> {
    if (await this.#following.changed()) this.#altered = true;
    await this.#following.setRight();
  }

  /** Rows may be left out of the log without a word: the server does not say when a publication changes. */
  async #look(): Promise<void> {
    const stream = this.#stream;
    try {
      const changed = await this.#following.changed();
      if (this.#stream !== stream) return;
      if (!changed) return await this.#following.setRight();
      this.#altered = true;
      stream?.fail(new RowcastError('source_lost', `the publication "${this.#parts.publication}" was changed: rows may be missing since`));
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#parts.log.error({ err: error }, 'the publication could not be looked at, or set right');
    }
  }

  #explained(error: unknown): unknown {
    const { slot, publication } = this.#parts;
    switch (sqlState(error)) {
      case '55006':
        return slotTaken(slot.name, null);
      case '42704':
        this.#altered = true;
        return new RowcastError('source_lost', `the publication "${publication}" is not there, or was not when the rows were written`, {
          cause: error,
        });
      default:
        return error;
    }
  }
}

/** A server's history: a copy restored from a backup, and a standby that took over, go on under another timeline. */
async function historyOf(connection: ReplicationConnection): Promise<string> {
  const [row] = await connection.query('IDENTIFY_SYSTEM');
  return `${row?.[0]}.${row?.[1]}`;
}

async function one(sql: Sql, query: string): Promise<string> {
  const [row] = await sql.query(query);
  return row?.[0] ?? '';
}

/** A pooled connection to a server that does not answer is cut only when all are. */
async function unless(signal: AbortSignal, work: Promise<void>): Promise<void> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(new RowcastError('closed', 'the reading was ended'))));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    work.catch(() => undefined);
  }
}

function watchEvery(clock: Clock, look: () => Promise<void>): { cancel(): void } {
  let cancelled = false;
  let timer: { cancel(): void } | null = null;
  const again = (): void => {
    if (!cancelled) timer = clock.after(LOOK_MS, () => void look().then(again));
  };
  void look().then(again);
  return {
    cancel: () => {
      cancelled = true;
      timer?.cancel();
    },
  };
}
