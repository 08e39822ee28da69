import { keyText, type Change, type Image, type Table } from '../core/index.ts';

/** The rows of every table, by key. */
export class Held {
  readonly #rows = new Map<Table, Map<string, Image>>();

  of(table: Table): Map<string, Image> {
    let rows = this.#rows.get(table);
    if (!rows) this.#rows.set(table, (rows = new Map()));
    return rows;
  }

  apply({ table, before, after }: Change): void {
    if (before) this.of(table).delete(keyText(table, before));
    if (after) this.of(table).set(keyText(table, after), after);
  }
}
