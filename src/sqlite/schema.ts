import { RowcastError, type Bound, type Log } from '../core/index.ts';
import type { Connection } from './connection.ts';
import { join, type Joined } from './join.ts';
import type { WriteLock } from './lock.ts';
import { planSteps } from './setup.ts';

export interface SchemaParts {
  /** In the order of the joined tables. */
  readonly bound: readonly Bound[];
  readonly lock: WriteLock;
  readonly log: Log;
  readonly setup: 'auto' | 'check';
}

/**
 * Keeps the triggers standing while the app migrates: rebuilding a table drops them without a word. What was changed unseen meanwhile is said
 * in the journal, by the steps themselves.
 */
export class Schema {
  readonly #connection: Connection;
  readonly #parts: SchemaParts;
  #joined: readonly Joined[];
  #version: bigint;
  #renewing: Promise<void> | null = null;

  constructor(connection: Connection, joined: readonly Joined[], parts: SchemaParts) {
    this.#connection = connection;
    this.#joined = joined;
    this.#parts = parts;
    this.#version = this.#current();
  }

  get joined(): readonly Joined[] {
    return this.#joined;
  }

  /** SQLite's own number of the schema that `joined` was read from. */
  get version(): bigint {
    return this.#version;
  }

  isStale(): boolean {
    return this.#current() !== this.#version;
  }

  /**
   * Looks at every bound table again and puts back what is missing.
   * @throws {RowcastError} `setup_needed` with the statements, where only `check` is allowed.
   */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const { lock, setup } = this.#parts;
    if (setup === 'check') return this.#check();
    const seen = this.#rejoined();
    const missing = planSteps(this.#connection, present(seen), false);
    const settled = missing.length === 0 && this.#gone(seen).length === 0 ? seen : await lock.transaction(() => this.#restore());
    this.#joined = settled;
    this.#version = this.#current();
  }

  #restore(): readonly Joined[] {
    // Looked at again under the lock; what drifted has been said.
    const joined = this.#rejoined(() => {});
    const steps = planSteps(this.#connection, present(joined), false);
    for (const { sql } of steps) this.#connection.exec(sql);
    for (const { catalog } of this.#gone(joined)) {
      this.#connection.run(
        "INSERT INTO _rowcast_journal(tbl, op, o0) SELECT max(id), 'L', 'schema' FROM _rowcast_layout WHERE tbl = ?",
        catalog.name,
      );
    }
    this.#parts.log.warn(
      { steps: steps.length },
      'a migration touched bound tables: what follows them was put back, and their viewers read again',
    );
    return joined;
  }

  /** Tables that were there when last looked, and are no more. */
  #gone(joined: readonly Joined[]): readonly Joined[] {
    return joined.filter(({ catalog }, at) => catalog.columns.length === 0 && this.#joined[at]?.catalog.columns.length !== 0);
  }

  #check(): void {
    const joined = this.#rejoined();
    const steps = planSteps(this.#connection, present(joined), false);
    if (steps.length > 0) throw setupNeeded(steps);
    const [gone] = this.#gone(joined);
    if (gone)
      throw new RowcastError(
        'schema_drift',
        `the table "${gone.table.id}" was dropped; start again without its bindings, or make it again`,
      );
    this.#joined = joined;
    this.#version = this.#current();
  }

  /** The catalog as it is, under the tables as they were made. Drift stops nothing that runs: it is said, and the column cannot be read. */
  #rejoined(say: (drift: RowcastError, before: Joined) => void = this.#say): readonly Joined[] {
    return this.#joined.map((before, at): Joined => {
      const each = this.#parts.bound[at] as Bound;
      const strict = this.#joinedOr(each, (drift) => say(drift, before));
      const found = strict ?? this.#joinedOr({ ...each, listed: new Set() }, () => {});
      if (found) return { ...found, table: before.table, listed: before.listed };
      return { ...before, catalog: { ...before.catalog, columns: [] }, affinities: before.affinities.map(() => null) };
    });
  }

  #joinedOr(bound: Bound, refused: (error: RowcastError) => void): Joined | null {
    try {
      return join(this.#connection, bound);
    } catch (error) {
      if (!(error instanceof RowcastError)) throw error;
      refused(error);
      return null;
    }
  }

  readonly #say = (drift: RowcastError, { table }: Joined): void => {
    this.#parts.log.error({ code: drift.code, table: table.id }, drift.message);
  };

  #current(): bigint {
    return schemaVersion(this.#connection);
  }
}

export function schemaVersion(connection: Connection): bigint {
  return connection.all('PRAGMA schema_version')[0]?.[0] as bigint;
}

/** Tables that are there at all. */
function present(joined: readonly Joined[]): readonly Joined[] {
  return joined.filter(({ catalog }) => catalog.columns.length > 0);
}

export function setupNeeded(steps: readonly { readonly sql: string; readonly why: string }[]): RowcastError {
  const statements = steps.map(({ sql, why }) => `-- ${why}\n${sql};`).join('\n');
  return new RowcastError(
    'setup_needed',
    `the database lacks what following its tables needs; run \`npx rowcast setup\`, or these statements:\n${statements}`,
  );
}
