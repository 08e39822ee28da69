import type { Image } from '../model.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Table } from '../table.ts';

/** A condition in the database's own SQL, with its parameters: what `where` of a binding became. */
export interface Condition {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/**
 * Which rows of a table. `values`: those whose columns at `places` have the values of one of the tuples, values as `select()` gives them; a
 * tuple with a null has no row. `condition`: those that meet one of them; all rows where there is no SQL.
 */
export type Selection =
  | { readonly by: 'all' }
  | { readonly by: 'values'; readonly places: readonly number[]; readonly tuples: readonly (readonly unknown[])[] }
  | { readonly by: 'condition'; readonly any: readonly Condition[] };

/** Rows of one moment. */
export interface Reading {
  readonly snapshot: Snapshot;
  /**
   * In pages, in the order of the key; each row once. Whoever stops before the end lets go of the database. Rejects when the database
   * failed; what was read before that is of the same moment still.
   */
  readonly pages: AsyncIterable<RowPage>;
}

export interface RowPage {
  readonly rows: readonly Image[];
  /** How many there are in all, where it is known: on the first page of several, and on the last. */
  readonly total: number | null;
}

export interface ReadOptions {
  /** Rows of a page, at most. Default 1,000. */
  readonly page?: number;
  /** Lets go of the database, and makes whoever reads on reject: some rows are never taken for all of them. */
  readonly signal: AbortSignal;
}

/**
 * Rows as they stand.
 *
 * All pages of one reading are of one moment, the one its `snapshot` names, whatever is committed meanwhile. Images are what the log gives
 * for the same row: the same text, for every type and value. Nothing is locked, and nothing is waited for but the database. A reading that
 * is not asked for its next page for long may be ended by the database, and rejects then.
 */
export interface Rows {
  read(table: Table, selection: Selection, options: ReadOptions): Promise<Reading>;
}
