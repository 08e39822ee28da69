import {
  numberOf,
  ORIGIN,
  RowcastError,
  Waker,
  type ChangeSource,
  type Commit,
  type Floor,
  type Log,
  type Loss,
  type Position,
  type Published,
  type Receipt,
  type ResetReason,
} from '../../core/index.ts';
import type { TransactionBounds } from '../log/bounds.ts';
import { BatchReader, endOf, placeOf, Trimmed, type Batch } from './reader.ts';
import { JOURNAL, LEAVE, OP } from './setup.ts';
import { Ticks, type Tick, type TickParts } from './ticks.ts';
import { KEPT, trim, type Kept } from './trim.ts';
import { publishedText } from '../tables/publish.ts';
import { runInside } from '../connection/own-transaction.ts';
import { literal, sqlState, type Sessions, type Sql } from '../connection/sql.ts';
import type { PgTable } from '../tables/tables.ts';

export interface JournalParts extends TickParts {
  readonly tables: readonly PgTable[];
  readonly epoch: string;
  readonly bounds: TransactionBounds;
  readonly log: Log;
  /** Milliseconds between two looks: the least after news, the most when there are none. */
  readonly pace: readonly [least: number, most: number];
  /** Default: {@link KEPT}. */
  readonly kept?: Kept;
  /** Calls back soon after something was committed to the journal, where that costs the writers nothing. Returns the way to stop. */
  readonly listen?: (wake: () => void) => Promise<() => Promise<void>>;
  /** Makes again what was taken away of a table's triggers, as far as that is allowed. Rejects, with the cure, where it is not. */
  readonly restore: (table: PgTable) => Promise<void>;
}

/** Between two times that the journal is trimmed: 10 s. */
const TRIM_MS = 10_000;

/** Changes written down by triggers, read as commits: core's change source where there is no log to read. */
export class Journal implements ChangeSource {
  readonly epoch: string;
  readonly #parts: JournalParts;
  readonly #ticks: Ticks;
  readonly #waker: Waker;
  readonly #closed = new AbortController();
  #acknowledged: Position = ORIGIN;
  #trimmed = -TRIM_MS;
  #trimming: Promise<void> | null = null;

  constructor(parts: JournalParts) {
    this.epoch = parts.epoch;
    this.#parts = parts;
    this.#ticks = new Ticks(parts);
    this.#waker = new Waker(parts.clock);
  }

  async tail(): Promise<Position> {
    return endOf(await this.#ticks.surely());
  }

  /** As little as the bounds of what is kept say: the rest may be there, and is trimmed one day. */
  async floor(): Promise<Floor> {
    await this.#ticks.surely();
    const { rows } = this.#parts.kept ?? KEPT;
    return { position: endOf(await this.#ticks.oldest(BigInt(rows))), reason: 'retention' };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    if (this.#closed.signal.aborted) throw new RowcastError('closed', 'the database was closed');
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    const wake = (): void => this.#waker.wake();
    ending.addEventListener('abort', wake, { once: true });
    const unlisten = await this.#parts.listen?.(wake);
    try {
      yield* this.#follow(after, ending);
    } catch (error) {
      if (!ending.aborted) throw error;
    } finally {
      ending.removeEventListener('abort', wake);
      await unlisten?.();
    }
  }

  acknowledge(position: Position): void {
    if (position <= this.#acknowledged) return;
    this.#acknowledged = position;
    const now = this.#parts.clock.now();
    if (this.#trimming || now - this.#trimmed < TRIM_MS) return;
    this.#trimmed = now;
    this.#trimming = this.#trim().finally(() => (this.#trimming = null));
  }

  async mark(receipt: Receipt): Promise<void> {
    await leaveInJournal(this.#parts.sessions, receipt);
    this.wake();
  }

  async publish(changes: readonly Published[], receipt: Receipt): Promise<void> {
    await this.#parts.sessions.transaction(async (tx) => {
      const text = await publishedText(tx, changes);
      await tx.query(`INSERT INTO ${JOURNAL} (op, after) VALUES ($1, $2)`, [OP.publish, text]);
      await leaveInJournal(tx, receipt);
    });
    this.wake();
  }

  /** Something was committed by this very process. */
  wake(): void {
    this.#waker.wake();
  }

  /** Lets go of what was acknowledged and is over the bounds. Never rejects. */
  async #trim(): Promise<void> {
    const { n, isEnd } = placeOf(numberOf(this.#acknowledged));
    // The batch of a commit in it can be read again only with the tick before.
    await trim({ ...this.#parts, kept: this.#parts.kept ?? KEPT }, isEnd ? n : n - 1n);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#trimming;
  }

  async *#follow(after: Position, ending: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const reader = new BatchReader({ ...this.#parts, ticks: this.#ticks });
    const unfollowed = new Set<PgTable>();
    const [least, most] = this.#parts.pace;
    let { at, from, loss } = await this.#start(after, ending);
    let eager = true;
    for (let wait = least; !ending.aborted;) {
      try {
        if (loss) {
          const told = loss;
          loss = null;
          yield [told];
        }
        for (const tick of await this.#news(at, eager)) {
          const batch = { before: at, tick };
          for await (const commits of reader.commits(batch, from)) {
            from = commits.at(-1)?.position ?? from;
            yield commits;
            if (ending.aborted) return;
          }
          await this.#check(batch, reader, unfollowed);
          [at, from, wait] = [tick, endOf(tick), 0];
        }
      } catch (error) {
        if (error instanceof Trimmed) {
          ({ at, from, loss } = await this.#atFloor());
          continue;
        }
        // The app has a failed transaction open on the only connection: nothing can be asked until it ends.
        if (sqlState(error) !== '25P02') throw error;
      }
      eager = wait > 0 && (await this.#waker.sleep(wait));
      wait = Math.min(most, Math.max(least, wait * 1.5));
    }
  }

  /** Where reading goes on after a position, and what is lost by that. */
  async #start(after: Position, ending: AbortSignal): Promise<Start> {
    const { n, isEnd } = placeOf(numberOf(after));
    const tip = await this.#ticks.surely(ending);
    if (tip.n < n) {
      const at = await this.#ticks.beyond(n);
      return { at, from: endOf(at), loss: this.#loss(at, 'timeline') };
    }
    const [tick, before] = await this.#ticks.upTo(n);
    const at = isEnd ? tick : before;
    return tick?.n === n && at ? { at, from: after, loss: null } : this.#atFloor();
  }

  async #atFloor(): Promise<Start> {
    const at = await this.#ticks.oldest();
    return { at, from: endOf(at), loss: this.#loss(at, 'retention') };
  }

  #loss(tick: Tick, reason: ResetReason): Commit {
    const lost = this.#parts.tables.map((table): Loss => ({ table, reason }));
    return { position: endOf(tick), xid: tick.xid, receipts: [], changes: [], lost };
  }

  async #news(at: Tick, eager: boolean): Promise<readonly Tick[]> {
    const last = await this.#ticks.reach({ eager });
    if (!last || last.n === at.n) return [];
    if (last.n < at.n) throw new RowcastError('source_lost', 'the database was restored to an earlier time; it is read anew');
    return last.n === at.n + 1n ? [last] : this.#ticks.between(at.n, last.n);
  }

  /** Viewers of a table without its triggers are told so by the journal; the people who run it by the log, once. */
  async #check(batch: Batch, reader: BatchReader, known: Set<PgTable>): Promise<void> {
    if (batch.before.print === batch.tick.print && known.size === 0) return;
    const unfollowed = await reader.unfollowed(batch);
    const fresh = unfollowed.filter((table) => !known.has(table));
    known.clear();
    for (const table of unfollowed) known.add(table);
    const { log, restore } = this.#parts;
    for (const table of fresh) {
      try {
        await restore(table);
        log.warn(
          { table: table.id },
          'the triggers of a bound table were gone or switched off; they were made again, and its viewers read again',
        );
      } catch (error) {
        log.error({ table: table.id, err: error }, 'a bound table cannot be followed any more; the others go on');
      }
    }
  }
}

interface Start {
  /** Everything up to it has been told, but for what `from` leaves. */
  readonly at: Tick;
  readonly from: Position;
  readonly loss: Commit | null;
}

/** Leaves a receipt in the journal, inside the transaction when given one. */
export async function leaveInJournal(sql: Sql, receipt: Receipt): Promise<void> {
  await sql.query(`INSERT INTO ${JOURNAL} (op, after) VALUES ($1, $2)`, [OP.receipt, JSON.stringify(receipt)]);
}

/** A receipt in a transaction of the app's own, whose role need have no right to the journal. */
export async function leaveByFunction(tx: unknown, { client, write }: Pick<Receipt, 'client' | 'write'>): Promise<void> {
  await runInside(tx, `SELECT ${LEAVE}(${literal(client)}, ${literal(String(write))})`);
}

/** The same sessions, for writes whose receipts are waited for: the reader looks as soon as one is committed. */
export function waking(sessions: Sessions, journal: Pick<Journal, 'wake'>): Sessions {
  return {
    ...sessions,
    async transaction(run) {
      const result = await sessions.transaction(run);
      journal.wake();
      return result;
    },
  };
}
