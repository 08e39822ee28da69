import {
  numberOf,
  positionOf,
  RowcastError,
  type ChangeSource,
  type Clock,
  type Commit,
  type Floor,
  type LogStanding,
  type Position,
  type Published,
  type Receipt,
} from '../../core/index.ts';
import { Assembler } from './assembler.ts';
import type { TransactionBounds } from './bounds.ts';
import { LogStream } from './stream.ts';
import { lsnOf } from './lsn.ts';
import { leaveMark, leaveReceipt, leaveRows } from './messages.ts';
import { ReplicationConnection } from './replication.ts';
import { floorOf, Seats, type Seat, type SeatParts } from './seats.ts';
import { readSlot } from './slot.ts';
import { slotStanding } from './standing.ts';
import { sqlState, type Sql } from '../connection/sql.ts';

export interface SourceParts extends Omit<SeatParts, 'evict'> {
  /** Of the server itself: a pooler may not pass the log on. */
  readonly url: string;
  readonly bounds: TransactionBounds;
  /** One process at a time reads, for all: ends the reading of process `pid`, which does not any more. Left out: each reads for itself. */
  readonly evict?: ((pid: string) => Promise<boolean>) | undefined;
  /** Gets what processes send each other by the log, and where it stands. */
  hear(content: string, at: bigint): void;
}

interface Ends {
  readonly signal: AbortSignal;
  /** Aborts when another slot is to be read by. */
  readonly moving: AbortController;
}

/** Between two looks at whether the publication is still the one we read by. */
const LOOK_MS = 30_000;
/** Core's change source over a Postgres server's own log: its contract is in `core/ports/change-source.ts`. */
export class PostgresSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  readonly #history: string;
  readonly #seats: Seats;
  /** The log cannot be read on from where it was. */
  #unreadable = false;
  #ready: ReplicationConnection | null = null;
  #stream: LogStream | null = null;
  readonly #closed = new AbortController();

  private constructor(parts: SourceParts, epoch: string, history: string) {
    this.#parts = parts;
    this.epoch = `${epoch}.${history}`;
    this.#history = history;
    this.#seats = new Seats(parts, history);
  }

  /**
   * The publication must be set up. Who reads for itself gets its slot here: what is committed from now on will be read. Where one reads for all,
   * the slot is there from now on, and nobody has it before it reads. The connection is the source's, unless this rejects.
   *
   * @throws {RowcastError} `source_unsupported`, with the cure, when the slot is not to be had.
   */
  static async open(parts: SourceParts, connection: ReplicationConnection, notes: { readonly epoch: string }): Promise<PostgresSource> {
    const history = await historyOf(connection);
    const source = new PostgresSource(parts, notes.epoch, history);
    if (!parts.evict) {
      await source.#seats.take(connection);
      source.#ready = connection;
      return source;
    }
    const { permanent, sessions } = parts;
    // The first of all makes it, and writes down what is in the log from there on.
    if (permanent !== null && !(await floorOf(sessions, permanent, history))) await source.#seats.take(connection);
    source.#seats.leave();
    await connection.close();
    return source;
  }

  async tail(): Promise<Position> {
    const [row] = await this.#parts.sessions.query('SELECT pg_current_wal_insert_lsn()');
    return positionOf(lsnOf(row?.[0] ?? '0/0'));
  }

  async floor(): Promise<Floor> {
    const seat = this.#seats.current;
    if (!seat || !this.#reads) {
      const { sessions, permanent } = this.#parts;
      return (await floorOf(sessions, permanent, this.#history)) ?? { position: await this.tail(), reason: 'retention' };
    }
    const confirmed = positionOf(seat.confirming.confirmed);
    return seat.floor.position >= confirmed ? seat.floor : { position: confirmed, reason: 'retention' };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    if (this.#stream) throw new Error('the log is being read already: one reader at a time');
    if (this.#closed.signal.aborted) throw new RowcastError('closed', 'the database was closed');
    try {
      for (let at = after; !signal.aborted;) {
        const moving = new AbortController();
        for await (const commits of this.#readBy(at, { signal, moving })) {
          at = commits.at(-1)?.position ?? at;
          yield commits;
        }
        if (!moving.signal.aborted) return;
      }
    } catch (error) {
      if (!signal.aborted) throw this.#explained(error);
    } finally {
      // What another writes down while it reads for all is not known here.
      if (this.#parts.evict) this.#seats.leave();
    }
  }

  /** Ends, without an error, when the reading has to go on by another slot. */
  async *#readBy(after: Position, { signal, moving }: Ends): AsyncGenerator<readonly Commit[]> {
    const { clock, publication } = this.#parts;
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    let connection: ReplicationConnection | null = null;
    let unwatch = (): void => {};
    try {
      connection = await this.#connect(ending);
      unwatch = connection.cutBy(ending);
      const seat = this.#seats.current as Seat;
      const { stream, from } = await this.#streamFrom(connection, seat, numberOf(after));
      const { failed } = await connection.start({ slot: seat.slot.name, publication, from }, stream);
      unwatch();
      this.#stream = stream;
      const watch = watchEvery(clock, () => this.#look(seat, moving));
      try {
        yield* stream.batches(failed, AbortSignal.any([signal, moving.signal]));
      } finally {
        watch.cancel();
        this.#stream = null;
      }
    } catch (error) {
      await connection?.close();
      // Another process was quicker to begin by the same slot.
      if (sqlState(error) === '55006' && !signal.aborted) return moving.abort();
      throw error;
    } finally {
      unwatch();
    }
  }

  acknowledge(position: Position): void {
    this.#seats.current?.confirming.acknowledge(position);
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
    const { sessions, permanent } = this.#parts;
    return slotStanding(sessions, this.#seats.current?.slot.name ?? permanent ?? '');
  }

  /** The server's side is gone when it resolves, a temporary slot with it. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#stream?.close();
    await this.#ready?.close();
  }

  /** Whether the seat says where reading begins: who reads for all has one only while it reads. */
  get #reads(): boolean {
    return !this.#parts.evict || this.#stream !== null;
  }

  async #streamFrom(
    connection: ReplicationConnection,
    { slot, floor: { position, reason }, following, confirming, hears }: Seat,
    after: bigint,
  ): Promise<{ readonly stream: LogStream; readonly from: bigint }> {
    const { clock, log, tables, bounds, sessions, hear } = this.#parts;
    const { passed, delivered } = confirming;
    const floor = numberOf(position);
    // What the server was told that it may forget had nothing of ours in it for whoever has all that was given out before.
    const quiet = after >= delivered && passed > after && following.floor.position <= positionOf(after);
    const gap = floor > (quiet ? passed : after);
    if (gap) log.warn({ slot: slot.name, reason }, 'the log does not reach back to where it was left: every viewer reads again');
    const from = gap ? floor : after;
    const xid = BigInt(await one(connection, 'SELECT pg_snapshot_xmax(pg_current_snapshot())'));
    const timeout = Number(await one(connection, `SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'`));
    const stream = new LogStream({
      connection,
      assembler: new Assembler({ hears, tables }, bounds, { after: from, gap: gap ? reason : null, xid, hear }),
      confirming,
      clock,
      timeout,
      notice: () => void this.#publicationLook(),
      threatened: async () => !['reserved', 'extended'].includes((await readSlot(sessions, slot.name))?.walStatus ?? 'lost'),
    });
    return { stream, from };
  }

  async #connect(signal: AbortSignal): Promise<ReplicationConnection> {
    const ready = this.#ready;
    this.#ready = null;
    if (ready) return ready;
    const seat = this.#seats.current;
    // What keeps a slot from being read by is set right before it is asked for.
    if (seat) await unless(signal, seat.following.look());
    const connection = await ReplicationConnection.open(this.#parts.url, signal);
    const unwatch = connection.cutBy(signal);
    try {
      if ((await historyOf(connection)) !== this.#history) {
        throw new RowcastError('source_lost', 'this is another server, or one restored to another history; start this process again');
      }
      const anew = this.#unreadable;
      await this.#seats.take(connection, anew);
      this.#unreadable = false;
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      unwatch();
    }
  }

  async #look(seat: Seat, moving: AbortController): Promise<void> {
    await this.#publicationLook();
    try {
      await seat.retention.look(this.#parts.sessions);
      if (await this.#seats.isFree(() => ReplicationConnection.open(this.#parts.url, this.#closed.signal))) moving.abort();
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#parts.log.error({ err: error }, 'the replication slots could not be looked at');
    }
  }

  /** Rows may be left out of the log without a word: the server does not say when a publication changes. */
  async #publicationLook(): Promise<void> {
    const stream = this.#stream;
    const following = this.#seats.current?.following;
    if (!following) return;
    const before = following.floor.position;
    try {
      await following.look();
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#parts.log.error({ err: error }, 'the publication could not be looked at, or set right');
    }
    if (this.#stream !== stream || following.floor.position === before) return;
    stream?.fail(new RowcastError('source_lost', `the publication "${this.#parts.publication}" was changed: rows may be missing since`));
  }

  #explained(error: unknown): unknown {
    const { publication } = this.#parts;
    switch (sqlState(error)) {
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
