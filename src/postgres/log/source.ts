import {
  numberOf,
  positionOf,
  RowcastError,
  type ChangeSource,
  type Clock,
  type Commit,
  type Floor,
  type Log,
  type LogStanding,
  type Position,
  type Published,
  type Receipt,
} from '../../core/index.ts';
import { Assembler } from './assembler.ts';
import type { TransactionBounds } from './bounds.ts';
import { Confirming, type ConfirmAfter } from './confirming.ts';
import { Following } from './following.ts';
import { LogStream } from './stream.ts';
import { lsnOf } from './lsn.ts';
import { leaveMark, leaveReceipt, leaveRows } from './messages.ts';
import { recall } from './remembered.ts';
import { ReplicationConnection } from './replication.ts';
import { Retention } from './retention.ts';
import { slotStanding } from './standing.ts';
import { claimSlot, readSlot, slotTaken, type SlotName } from './slot.ts';
import { sqlState, type Sessions, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

export interface SourceParts {
  /** Of the server itself: a pooler may not pass the log on. */
  readonly url: string;
  readonly sessions: Sessions;
  readonly tables: readonly PgTable[];
  readonly slot: SlotName;
  readonly publication: string;
  readonly bounds: TransactionBounds;
  readonly confirmAfter: ConfirmAfter;
  readonly setup: 'auto' | 'check';
  readonly clock: Clock;
  readonly log: Log;
}

interface Start {
  readonly epoch: string;
  readonly history: string;
  readonly following: Following;
  readonly confirming: Confirming;
}

/** Between two looks at whether the publication is still the one we read by. */
const LOOK_MS = 30_000;
/** A slot that dies with its connection is of no use to anybody later. */
const AT_ONCE: ConfirmAfter = { ms: 0, bytes: 16 * 1024 * 1024 };

/** Core's change source over a Postgres server's own log: its contract is in `core/ports/change-source.ts`. */
export class PostgresSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  readonly #history: string;
  readonly #following: Following;
  readonly #confirming: Confirming;
  readonly #retention: Retention;
  /** Where the slot begins, as of the last connection. */
  #floor: Floor = { position: positionOf(0), reason: 'retention' };
  /** The log cannot be read on from where it was. */
  #unreadable = false;
  #ready: ReplicationConnection | null = null;
  #stream: LogStream | null = null;
  readonly #closed = new AbortController();

  private constructor(parts: SourceParts, { epoch, history, following, confirming }: Start) {
    this.#parts = parts;
    this.epoch = `${epoch}.${history}`;
    this.#history = history;
    this.#following = following;
    this.#confirming = confirming;
    this.#retention = new Retention(parts.slot.name, parts.log);
  }

  /**
   * The publication must be set up. The slot is made here: what is committed from now on will be read. The connection is the source's, unless
   * this rejects.
   *
   * @throws {RowcastError} `source_unsupported`, with the cure, when the slot is not to be had.
   */
  static async open(parts: SourceParts, connection: ReplicationConnection, notes: { readonly epoch: string }): Promise<PostgresSource> {
    const { sessions, slot } = parts;
    const history = await historyOf(connection);
    const { followed, confirmed } = await recall(sessions, slot.name);
    // Another history counts otherwise: nothing that was written down about that one says anything here.
    const same = followed === null || followed.history === history;
    const following = new Following(parts, history, followed);
    const confirming = new Confirming({ ...parts, sql: sessions, after: await lateness(parts) }, same ? confirmed : null);
    const source = new PostgresSource(parts, { epoch: notes.epoch, history, following, confirming });
    await following.look();
    await source.#claim(connection, same && confirmed !== null);
    source.#ready = connection;
    return source;
  }

  async tail(): Promise<Position> {
    const [row] = await this.#parts.sessions.query('SELECT pg_current_wal_insert_lsn()');
    return positionOf(lsnOf(row?.[0] ?? '0/0'));
  }

  async floor(): Promise<Floor> {
    const confirmed = positionOf(this.#confirming.confirmed);
    return this.#floor.position >= confirmed ? this.#floor : { position: confirmed, reason: 'retention' };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    if (this.#stream) throw new Error('the log is being read already: one reader at a time');
    if (this.#closed.signal.aborted) throw new RowcastError('closed', 'the database was closed');
    const { clock, slot, publication } = this.#parts;
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    let connection: ReplicationConnection | null = null;
    let unwatch = (): void => {};
    try {
      connection = await this.#connect(ending);
      unwatch = connection.cutBy(ending);
      const { stream, from } = await this.#streamFrom(connection, numberOf(after));
      const { failed } = await connection.start({ slot: slot.name, publication, from }, stream);
      unwatch();
      this.#stream = stream;
      const watch = watchEvery(clock, () => this.#look());
      try {
        yield* stream.batches(failed, signal);
      } finally {
        watch.cancel();
        this.#stream = null;
      }
    } catch (error) {
      await connection?.close();
      if (signal.aborted) return;
      throw this.#explained(error);
    } finally {
      unwatch();
    }
  }

  acknowledge(position: Position): void {
    this.#confirming.acknowledge(position);
  }

  async mark(receipt: Receipt): Promise<void> {
    await leaveMark(this.#parts.sessions, receipt);
  }

  async publish(changes: readonly Published[], receipt: Receipt): Promise<void> {
    await this.#parts.sessions.transaction(async (tx) => {
      await leaveRows(tx, changes);
      await leaveReceipt(tx, receipt);
    });
  }

  standing(): Promise<LogStanding> {
    return slotStanding(this.#parts.sessions, this.#parts.slot.name);
  }

  /** The server's side is gone when it resolves, a temporary slot with it. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#stream?.close();
    await this.#ready?.close();
  }

  async #streamFrom(connection: ReplicationConnection, after: bigint): Promise<{ readonly stream: LogStream; readonly from: bigint }> {
    const { clock, log, slot, tables, bounds } = this.#parts;
    const { confirmed, delivered } = this.#confirming;
    const floor = numberOf(this.#floor.position);
    // What the server was told that it may forget had nothing of ours in it for whoever has all that was given out before.
    const quiet = after >= delivered && confirmed > after && this.#following.floor.position <= positionOf(after);
    const gap = floor > (quiet ? confirmed : after);
    if (gap)
      log.warn(
        { slot: slot.name, reason: this.#floor.reason },
        'the log does not reach back to where it was left: every viewer reads again',
      );
    const from = gap ? floor : after;
    const xid = BigInt(await one(connection, 'SELECT pg_snapshot_xmax(pg_current_snapshot())'));
    const timeout = Number(await one(connection, `SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'`));
    const stream = new LogStream({
      connection,
      assembler: new Assembler({ slot: slot.name, tables }, bounds, { after: from, gap: gap ? this.#floor.reason : null, xid }),
      confirming: this.#confirming,
      clock,
      timeout,
      notice: () => void this.#look(),
      threatened: async () => !['reserved', 'extended'].includes((await readSlot(this.#parts.sessions, slot.name))?.walStatus ?? 'lost'),
    });
    return { stream, from };
  }

  async #connect(signal: AbortSignal): Promise<ReplicationConnection> {
    const ready = this.#ready;
    this.#ready = null;
    if (ready) return ready;
    await unless(signal, this.#following.look());
    const connection = await ReplicationConnection.open(this.#parts.url, signal);
    const unwatch = connection.cutBy(signal);
    try {
      if ((await historyOf(connection)) !== this.#history) {
        throw new RowcastError('source_lost', 'this is another server, or one restored to another history; start this process again');
      }
      await this.#claim(connection, true);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      unwatch();
    }
  }

  /** @param known whether anything was written down about this slot */
  async #claim(connection: ReplicationConnection, known: boolean): Promise<void> {
    const slot = await claimSlot(this.#parts.slot, { ...this.#parts, connection, sql: this.#parts.sessions });
    if (this.#unreadable) await this.#following.anew('publication_changed');
    this.#unreadable = false;
    this.#floor = await this.#following.begin(slot, known ? this.#confirming.confirmed : null);
    await this.#confirming.begin(slot.confirmed);
  }

  /** Rows may be left out of the log without a word: the server does not say when a publication changes. */
  async #look(): Promise<void> {
    const stream = this.#stream;
    const before = this.#following.floor.position;
    try {
      await this.#following.look();
      await this.#retention.look(this.#parts.sessions);
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#parts.log.error({ err: error }, 'the publication could not be looked at, or set right');
    }
    if (this.#stream !== stream || this.#following.floor.position === before) return;
    stream?.fail(new RowcastError('source_lost', `the publication "${this.#parts.publication}" was changed: rows may be missing since`));
  }

  #explained(error: unknown): unknown {
    const { slot, publication } = this.#parts;
    switch (sqlState(error)) {
      case '55006':
        return slotTaken(slot.name, null);
      case '42704':
        this.#unreadable = true;
        return new RowcastError('source_lost', `the publication "${publication}" is not there, or was not when the rows were written`, {
          cause: error,
        });
      default:
        return error;
    }
  }
}

/** A server's history: a copy restored from a backup, and a standby that took over, go on under another timeline; a copied database is another. */
async function historyOf(connection: ReplicationConnection): Promise<string> {
  const [row] = await connection.query('IDENTIFY_SYSTEM');
  return `${row?.[0]}.${row?.[1]}.${await one(connection, 'SELECT oid FROM pg_database WHERE datname = current_database()')}`;
}

/** A server that keeps less than we let wait would cut the slot off: a quarter of it is ours. */
async function lateness({ sessions, slot, confirmAfter }: SourceParts): Promise<ConfirmAfter> {
  if (slot.temporary) return AT_ONCE;
  const kept = Number(await one(sessions, `SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size'))`));
  return kept < 0 ? confirmAfter : { ...confirmAfter, bytes: Math.min(confirmAfter.bytes, kept / 4) };
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
