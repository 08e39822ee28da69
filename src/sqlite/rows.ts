import {
  pause,
  positionOf,
  RowcastError,
  type Clock,
  type ReadOptions,
  type Reading,
  type Rows,
  type Selection,
  type Table,
} from '../core/index.ts';
import { isBusy, resultCode, type Connection } from './connection.ts';
import type { Cuts } from './cuts.ts';
import type { Joined } from './join.ts';
import { newestOf } from './newest.ts';
import { pagesOf } from './pages.ts';
import type { Readers } from './readers.ts';
import { schemaVersion, type Schema } from './schema.ts';
import { COUNTED, selectOf, type Select } from './select.ts';

export interface RowsParts {
  readonly readers: Readers;
  readonly cuts: Cuts;
  readonly schema: Schema;
  readonly clock: Clock;
  joined(table: Table): Joined;
}

const PAGE = 1_000;
/** A schema that keeps changing, or a file that keeps being busy, is looked at again so often, after so many ms. */
const TRIES = 20;
const PAUSE = 10;

/**
 * Rows of one moment, each reading in a read transaction of its own. The moment is a cut: the journal is looked at in that same transaction,
 * so a commit that the log tells is shown whole or not at all.
 */
export class SqliteRows implements Rows {
  readonly #parts: RowsParts;

  constructor(parts: RowsParts) {
    this.#parts = parts;
  }

  async read(table: Table, selection: Selection, { page = PAGE, signal: given }: ReadOptions): Promise<Reading> {
    const { readers, clock } = this.#parts;
    const signal = AbortSignal.any([given, readers.signal]);
    const reader = await readers.take(signal);
    try {
      const until = await this.#begin(reader, signal);
      const select = selectOf(this.#parts.joined(table), selection);
      const total = select.also ? null : totalOf(reader, select);
      const pages = pagesOf(reader, { select, page, total }, { signal, readers, clock });
      return { snapshot: { by: 'position', until: positionOf(until) }, pages };
    } catch (error) {
      readers.give(reader);
      throw selection.by === 'condition' ? conditionRefused(table, error) : error;
    }
  }

  /** Begins a transaction of the schema that the tables were joined to, and gives the cut that it sees. */
  async #begin(reader: Connection, signal: AbortSignal): Promise<bigint> {
    const { cuts, schema, clock } = this.#parts;
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        if (schema.isStale()) await schema.renew();
        const until = await cuts.cut(() => {
          reader.exec('BEGIN');
          return newestOf(reader);
        });
        if (schemaVersion(reader) === schema.version) return until;
      } catch (error) {
        if (tries >= TRIES || !isBusy(error)) throw error;
      }
      if (reader.inTransaction) reader.exec('ROLLBACK');
      if (tries >= TRIES) {
        throw new RowcastError(
          'schema_drift',
          'the schema kept changing while rows were to be read; they can be once the migration has ended',
        );
      }
      await pause(clock, PAUSE);
    }
  }
}

function totalOf(reader: Connection, { count, params }: Select): number | null {
  const total = Number(reader.all(count, ...params)[0]?.[0]);
  return total > COUNTED ? null : total;
}

/** SQLITE_ERROR: the condition is no SQL that this table can be asked by. */
function conditionRefused(table: Table, error: unknown): unknown {
  if (!(error instanceof Error) || ((resultCode(error) ?? 0) & 0xff) !== 1) return error;
  const cure = 'let `where` name columns of its own table, and others only inside a subquery';
  return new RowcastError('binding_invalid', `\`where\` of "${table.id}" cannot be run (${error.message}): ${cure}`, { cause: error });
}
