import { keyText, type Change, type Image, type Table } from '../core/index.ts';
import type { Held } from './held.ts';

/** Rows as they will be once what was begun is done: nobody else sees them before. */
export class Draft {
  readonly changes: Change[] = [];
  readonly #held: Held;
  readonly #rows = new Map<Table, Map<string, Image | null>>();
  /** What was found, as it stood. */
  readonly #found: { readonly table: Table; readonly key: string; readonly image: Image | null }[] = [];

  constructor(held: Held) {
    this.#held = held;
  }

  /** @param key as `keyText` writes it */
  find(table: Table, key: string): Image | null {
    const drafted = this.#rows.get(table)?.get(key);
    if (drafted !== undefined) return drafted;
    const image = this.#held.of(table).get(key) ?? null;
    this.#found.push({ table, key, image });
    return image;
  }

  /** What was found is not what is there by now. */
  get isStale(): boolean {
    return this.#found.some(({ table, key, image }) => (this.#held.of(table).get(key) ?? null) !== image);
  }

  change(change: Change): void {
    const { table, before, after } = change;
    let rows = this.#rows.get(table);
    if (!rows) this.#rows.set(table, (rows = new Map()));
    if (before) rows.set(keyText(table, before), null);
    if (after) rows.set(keyText(table, after), after);
    this.changes.push(change);
  }
}
