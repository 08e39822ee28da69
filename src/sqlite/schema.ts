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

  constructor(connection: Connection, joined: readonly Joined[], parts: SchemaParts) {
    this.#connection = connection;
    this.#joined = joined;
    this.#parts = parts;
    this.#version = this.#current();
  }

  get joined(): readonly Joined[] {
    return this.#joined;
  }

  isStale(): boolean {
    return this.#current() !== this.#version;
  }

  /**
   * Looks at every bound table again and puts back what is missing.
   * @throws {RowcastError} `setup_needed` with the statements, where only `check` is allowed.
   */
  async renew(): Promise<void> {
    const { lock, setup } = this.#parts;
    if (setup === 'check') return this.#check();
    const seen = this.#rejoined();
    const missing = planSteps(this.#connection, present(seen), false);
    const settled = missing.length === 0 ? seen : await lock.transaction(() => this.#restore());
    this.#joined = settled;
    this.#version = this.#current();
  }

  #restore(): readonly Joined[] {
    const joined = this.#rejoined();
    const steps = planSteps(this.#connection, present(joined), false);
    for (const { sql } of steps) this.#connection.exec(sql);
    if (steps.length > 0)
      this.#parts.log.warn(
        { steps: steps.length },
        'a migration removed triggers that follow bound tables; they are back, and viewers read again',
      );
    return joined;
  }

  #check(): void {
    const joined = this.#rejoined();
    const steps = planSteps(this.#connection, present(joined), false);
    if (steps.length > 0) throw setupNeeded(steps);
    this.#joined = joined;
    this.#version = this.#current();
  }

  /** The catalog as it is, under the tables as they were made. Drift stops nothing that runs: it is said, and the column reads as NULL. */
  #rejoined(): readonly Joined[] {
    const { bound, log } = this.#parts;
    return this.#joined.map((before, at): Joined => {
      const each = bound[at] as Bound;
      try {
        return { ...join(this.#connection, each), table: before.table };
      } catch (error) {
        if (!(error instanceof RowcastError)) throw error;
        log.error({ code: error.code, table: before.table.id }, error.message);
      }
      try {
        return { ...join(this.#connection, { ...each, listed: new Set() }), table: before.table };
      } catch {
        return { ...before, catalog: { ...before.catalog, columns: [] }, affinities: before.affinities.map(() => null) };
      }
    });
  }

  #current(): bigint {
    return this.#connection.all('PRAGMA schema_version')[0]?.[0] as bigint;
  }
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
