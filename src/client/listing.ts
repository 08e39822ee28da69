import type { Entry, Row } from './rows.ts';

/** Rows by their place, as an array that never changes: the next one is a copy of it. */
export class Listing {
  /** Ascending; beside `rows`. */
  #places: number[] = [];
  rows: readonly Row[] = [];

  fill(entries: readonly Entry[]): void {
    this.#places = entries.map(({ place }) => place);
    this.rows = entries.map(({ row }) => row);
  }

  /** @param changes where a row was, and what it is now. */
  change(changes: Iterable<readonly [was: number | undefined, now: Entry | undefined]>): void {
    const rows = this.rows.slice();
    for (const [was, now] of changes) {
      if (was !== undefined && was !== now?.place) this.#splice(rows, was, []);
      if (now) this.#splice(rows, now.place, [now.row]);
    }
    this.rows = rows;
  }

  #splice(rows: Row[], place: number, put: readonly Row[]): void {
    let at = 0;
    let end = this.#places.length;
    while (at < end) {
      const middle = (at + end) >>> 1;
      if ((this.#places[middle] as number) < place) at = middle + 1;
      else end = middle;
    }
    const there = this.#places[at] === place ? 1 : 0;
    rows.splice(at, there, ...put);
    this.#places.splice(at, there, ...put.map(() => place));
  }
}
