import {
  numberOf,
  positionOf,
  RowcastError,
  ValueError,
  type ChangeSource,
  type Clock,
  type Commit,
  type Position,
  type Published,
  type Receipt,
  type Row,
} from '../core/index.ts';
import { paramOf } from './column.ts';
import type { Connection, Param } from './connection.ts';
import type { Joined } from './join.ts';
import type { Journal } from './journal.ts';
import type { WriteLock } from './lock.ts';
import { forgetOld } from './outcomes.ts';
import type { Pulse } from './pulse.ts';
import type { Schema } from './schema.ts';

export interface SourceParts {
  readonly epoch: string;
  readonly connection: Connection;
  readonly journal: Journal;
  readonly schema: Schema;
  readonly pulse: Pulse;
  readonly lock: WriteLock;
  readonly clock: Clock;
}

/** How long after an acknowledgement, ms, what is no longer needed is deleted, a step at a time. */
const TIDY_AFTER = 1_000;

/**
 * The journal as a change source. One commit is everything that became visible in one read: whole transactions, in their order, since SQLite
 * lets one writer in at a time and a read sees whole ones only.
 */
export class SqliteSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  readonly #closed = new AbortController();
  #acknowledged: bigint;
  /** Read, and held nothing for who follows: acknowledged along with what was told before it. */
  #silent = { after: 0n, upTo: 0n };
  #tidying: { cancel(): void } | null = null;

  constructor(parts: SourceParts) {
    this.epoch = parts.epoch;
    this.#parts = parts;
    // What piled up while nobody followed is nobody's; who comes back to the newest of it still finds that.
    this.#acknowledged = parts.journal.tail();
    this.#tidyLater(TIDY_AFTER);
  }

  async tail(): Promise<Position> {
    return positionOf(this.#parts.journal.tail());
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const { journal, schema, pulse } = this.#parts;
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    let last = numberOf(after);
    let told = last;
    while (!ends.aborted) {
      if (schema.isStale()) {
        await schema.renew();
        journal.refresh(schema.joined);
        if (ends.aborted) return;
      }
      const next = journal.next(last);
      if (!next) {
        await pulse.next(ends);
        continue;
      }
      last = next.last;
      if (next.commit) {
        told = last;
        yield [next.commit];
      } else {
        this.#passedOver(told, last);
      }
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

  close(): void {
    this.#closed.abort();
    this.#tidying?.cancel();
  }

  #tidyLater(ms: number): void {
    if (this.#closed.signal.aborted) return;
    this.#tidying ??= this.#parts.clock.after(ms, () => {
      this.#tidying = null;
      // Nothing here is worth an error: what could not be deleted now is deleted later.
      const more = this.#tidy();
      if (more) this.#tidyLater(more === 'step' ? 1 : TIDY_AFTER);
    });
  }

  /** One short transaction, only if nobody is writing. */
  #tidy(): 'step' | 'later' | null {
    const { connection, journal, lock } = this.#parts;
    try {
      const more = lock.ifFree(() => {
        // Nobody is in the middle of a statement now: what is still aside was never replaced.
        connection.run('DELETE FROM _rowcast_aside');
        const old = forgetOld(connection);
        return journal.trim(this.#acknowledged) || old;
      });
      return more === null ? 'later' : more ? 'step' : null;
    } catch {
      return 'later';
    }
  }
}

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
      throw new RowcastError('publish_invalid', `"${column.name}" of "${table.id}" must be ${error.message}`, { cause: error });
    }
  });
}
