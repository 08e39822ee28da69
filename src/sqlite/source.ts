import {
  numberOf,
  positionOf,
  RowcastError,
  ValueError,
  type ChangeSource,
  type Clock,
  type Commit,
  type Floor,
  type LogStanding,
  type Position,
  type Published,
  type Receipt,
  type Row,
} from '../core/index.ts';
import { paramOf } from './column.ts';
import type { Connection, Param } from './connection.ts';
import type { Cuts } from './cuts.ts';
import type { Joined } from './join.ts';
import type { Journal } from './journal.ts';
import type { WriteLock } from './lock.ts';
import { forgetOld } from './outcomes.ts';
import type { Pulse } from './pulse.ts';
import type { Schema } from './schema.ts';

/** How much of the journal is kept for those who come back. The oldest rows go first, at whichever bound is reached. */
export interface Keep {
  readonly rows: number;
  /** Milliseconds. */
  readonly age: number;
}

export interface SourceParts {
  readonly epoch: string;
  readonly cuts: Cuts;
  readonly keep: Keep;
  readonly connection: Connection;
  readonly journal: Journal;
  readonly schema: Schema;
  readonly pulse: Pulse;
  readonly lock: WriteLock;
  readonly clock: Clock;
}

/** How long after an acknowledgement, ms, what is no longer needed is deleted, a step at a time. */
const TIDY_AFTER = 1_000;
/** How often, ms, it is looked for without any: rows grow old. */
const TIDY_ANYWAY = 60_000;
/** Who starts to read begins this far inside the bounds, so that another process does not trim in front of it. */
const MARGIN = 0.9;
/** Commits read at a stroke, at most, and about how many bytes of them, where a reader has many to catch up with. */
const BATCH = 100;
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * The journal as a change source. One commit is everything between two {@link Cuts}: whole transactions, in their order, since SQLite lets one
 * writer in at a time and a read sees whole ones only.
 */
export class SqliteSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  readonly #closed = new AbortController();
  #acknowledged: bigint;
  /** Read, and held nothing for who follows: acknowledged along with what was told before it. */
  #silent = { after: 0n, upTo: 0n };
  #tidying: { readonly due: number; cancel(): void } | null = null;

  constructor(parts: SourceParts) {
    this.epoch = parts.epoch;
    this.#parts = parts;
    // What piled up while nobody followed is nobody's, as far as it is over the bounds.
    this.#acknowledged = parts.journal.newest().seq;
    this.#tidyLater(TIDY_AFTER);
  }

  async tail(): Promise<Position> {
    return positionOf(await this.#cut());
  }

  async floor(): Promise<Floor> {
    const { cuts, journal, keep } = this.#parts;
    const newest = await this.#cut();
    const inside = this.#bound({ rows: keep.rows * MARGIN, age: keep.age * MARGIN });
    const floor = journal.floor();
    return { position: positionOf(cuts.from(inside > floor ? inside : floor) ?? newest), reason: 'retention' };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    try {
      yield* this.#read(after, ends);
    } catch (error) {
      if (!ends.aborted) throw error;
    }
  }

  async *#read(after: Position, ends: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const { journal, schema, pulse, clock } = this.#parts;
    let last = numberOf(after);
    let told = last;
    // What comes after it has to stay until it is acknowledged.
    this.#acknowledged = last;
    while (!ends.aborted) {
      if (schema.isStale()) await schema.renew();
      if (journal.joined !== schema.joined) journal.refresh(schema.joined);
      const cuts = await this.#cutsAfter(last);
      if (ends.aborted) return;
      if (cuts.length === 0) {
        await pulse.next(ends);
        continue;
      }
      const batch: Commit[] = [];
      let bytes = 0;
      for (const cut of cuts) {
        const steps = journal.reading(last, cut);
        let step = steps.next();
        for (; !step.done; step = steps.next()) await new Promise<void>((resolve) => clock.soon(resolve));
        const read = step.value;
        last = cut;
        if (read.commit) {
          batch.push(read.commit);
          told = last;
        }
        bytes += read.bytes;
        if (bytes > BATCH_BYTES) break;
      }
      if (last > told) this.#passedOver(told, last);
      if (batch.length > 0) yield batch;
      if (cuts.length > 1) await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }

  acknowledge(position: Position): void {
    const number = numberOf(position);
    const { after, upTo } = this.#silent;
    this.#acknowledgeUpTo(number >= after && number < upTo ? upTo : number);
  }

  #passedOver(after: bigint, upTo: bigint): void {
    if (this.#acknowledged >= after) this.#acknowledgeUpTo(upTo);
    else this.#silent = { after, upTo };
  }

  #acknowledgeUpTo(number: bigint): void {
    if (number <= this.#acknowledged) return;
    this.#acknowledged = number;
    this.#tidyLater(TIDY_AFTER);
  }

  /** Where the next commits end; none: nothing has become visible. */
  async #cutsAfter(last: bigint): Promise<readonly bigint[]> {
    const { cuts, journal, lock } = this.#parts;
    const { seq } = journal.newest();
    if (seq === last) return [];
    if (seq < last) await lock.transaction(() => journal.newest().seq < last && journal.goOnBeyond(last));
    // Others may have looked before: what they told ends there.
    const known = cuts.after(last, BATCH);
    if (known.length > 0) return known;
    const cut = await this.#cut();
    return cut > last ? [cut] : [];
  }

  #cut(): Promise<bigint> {
    return this.#parts.cuts.cut(() => this.#parts.journal.newest());
  }

  /** Up to where the journal is over its bounds. */
  #bound({ rows, age }: Keep): bigint {
    const { cuts, journal } = this.#parts;
    const byRows = Number.isFinite(rows) ? journal.newest().seq - BigInt(Math.trunc(rows)) : 0n;
    const byAge = Number.isFinite(age) ? cuts.olderThan(age) : 0n;
    return byRows > byAge ? byRows : byAge;
  }

  async mark(receipt: Receipt): Promise<void> {
    await this.#parts.lock.transaction(() => this.#parts.journal.receipt(receipt));
    this.#parts.pulse.beat();
  }

  async publish(changes: readonly Published[], receipt: Receipt): Promise<void> {
    const { journal, lock, pulse, schema } = this.#parts;
    const rows = changes.map(({ table, before, after }) => {
      const joined = schema.joined.find((each) => each.table === table);
      if (!joined) throw new RowcastError('publish_invalid', `"${table.id}" is not bound here; publish rows of bound models`);
      if (!before && !after)
        throw new RowcastError('publish_invalid', `a change of "${table.id}" needs the row before it, after it, or both`);
      return { table, before: before && paramsOf(joined, before), after: after && paramsOf(joined, after) };
    });
    await lock.transaction(() => {
      for (const { table, before, after } of rows) journal.change(table, before, after);
      journal.receipt(receipt);
    });
    pulse.beat();
  }

  standing(): Promise<LogStanding> {
    const { journal } = this.#parts;
    const { seq } = journal.newest();
    return Promise.resolve({ unit: 'rows', behind: Number(seq - this.#acknowledged), kept: Number(seq - journal.floor()), room: null });
  }

  close(): void {
    this.#closed.abort();
    this.#tidying?.cancel();
  }

  #tidyLater(ms: number): void {
    const { clock } = this.#parts;
    const due = clock.now() + ms;
    if (this.#closed.signal.aborted || (this.#tidying && this.#tidying.due <= due)) return;
    this.#tidying?.cancel();
    const timer = clock.after(ms, () => {
      this.#tidying = null;
      this.#tidyLater(NEXT[this.#tidy()]);
    });
    this.#tidying = { due, cancel: () => timer.cancel() };
  }

  /** One short transaction, only if nobody is writing. Nothing here is worth an error: what could not be deleted now is deleted later. */
  #tidy(): keyof typeof NEXT {
    const { connection, cuts, journal, keep, lock } = this.#parts;
    try {
      // The newest cut's row is what proves the history.
      const upTo = [this.#bound(keep), this.#acknowledged, cuts.newest() - 1n].reduce((one, other) => (one < other ? one : other));
      const more = lock.ifFree(() => {
        // Nobody is in the middle of a statement now: what is still aside was never replaced.
        connection.run('DELETE FROM _rowcast_aside');
        const old = forgetOld(connection);
        return journal.trim(upTo) || old;
      });
      cuts.forget(journal.floor());
      return more === null ? 'busy' : more ? 'more' : 'done';
    } catch {
      return 'busy';
    }
  }
}

/** After how many ms the next step of tidying comes. */
const NEXT = { more: 1, busy: TIDY_AFTER, done: TIDY_ANYWAY } as const;

function paramsOf({ table, affinities }: Joined, row: Row): readonly Param[] {
  return table.columns.map((column, place): Param => {
    const value = row[column.name] ?? null;
    const affinity = affinities[place];
    if (value === null && table.key.includes(place))
      throw new RowcastError('publish_invalid', `a published row of "${table.id}" needs its key, "${column.name}"`);
    if (value === null || !affinity) return null;
    try {
      return paramOf(table.model.toParam(place, value), affinity);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new RowcastError('publish_invalid', `"${column.name}" of "${table.id}" ${error.message}`, { cause: error });
    }
  });
}
