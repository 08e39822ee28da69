import { toWire, type Key } from '../protocol/index.ts';
import type { Entry, Row } from './rows.ts';
import type { Change, Pk } from './types.ts';

/** The rows of one view: those that are shown, and beside them those that are on their way to take their place. */
export class Collection {
  readonly #shown = new Map<string, Entry>();
  #staged: Map<string, Entry> | null = null;
  #rows: readonly Row[] | null = null;

  /** In the order they came. The same array until something changes. */
  get rows(): readonly Row[] {
    return (this.#rows ??= Array.from(this.#shown.values(), ({ row }) => row));
  }

  row(pk: Pk): Row | undefined {
    return this.#shown.get(keyOf(toWire(pk) as Key))?.row;
  }

  /** All that is shown, as changes of nothing. */
  all(): readonly Change[] {
    return Array.from(this.#shown.values(), (entry) => entry.change('create'));
  }

  /** Rows are read from the start: what comes from here on is put aside, and what is shown stays until {@link swap}. */
  load(): void {
    this.#staged = new Map();
  }

  /** One of the rows that are read. */
  add(entry: Entry): void {
    (this.#staged ??= new Map()).set(keyOf(entry.pk), entry);
  }

  /** What a row is now; null: it is gone. Gives what this changes of what is shown, if anything. */
  put(key: string, entry: Entry | null): Change | null {
    const rows = this.#staged ?? this.#shown;
    const had = rows.get(key);
    if (entry) rows.set(key, entry);
    else rows.delete(key);
    if (this.#staged) return null;
    this.#rows = null;
    return entry ? entry.change(had ? 'update' : 'create') : (had?.change('delete') ?? null);
  }

  /** Shows the rows that were put aside, if any. Gives what differs; a row that does not stays the object it was, in its place. */
  swap(): readonly Change[] {
    const staged = this.#staged;
    this.#staged = null;
    if (!staged) return [];
    const gone = [...this.#shown.keys()].filter((key) => !staged.has(key));
    const came = [...staged].filter(([key, entry]) => !this.#shown.get(key)?.same(entry));
    return [...gone.map((key) => this.put(key, null)), ...came.map(([key, entry]) => this.put(key, entry))] as Change[];
  }

  /** Leaves nothing. */
  clear(): readonly Change[] {
    this.load();
    return this.swap();
  }
}

/** 7, 7n and '7' are one key: a stream's keys are all of the same types. */
export function keyOf(pk: Key): string {
  return Array.isArray(pk) ? JSON.stringify(pk.map(String)) : String(pk);
}
