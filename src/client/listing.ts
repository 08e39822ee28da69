/** Values by place, as an array that never changes: the next one is a copy of it, however much is done before somebody looks again. */
export class Listing<V> {
  /** Ascending; beside `values`. */
  #places: number[] = [];
  #values: V[] = [];
  /** Somebody has the array. */
  #lent = false;

  get values(): readonly V[] {
    this.#lent = true;
    return this.#values;
  }

  put(place: number, value: V): void {
    const at = this.#at(place);
    const there = this.#places[at] === place;
    if (there && this.#values[at] === value) return;
    this.#own();
    if (!there) this.#places.splice(at, 0, place);
    this.#values.splice(at, there ? 1 : 0, value);
  }

  drop(place: number): void {
    const at = this.#at(place);
    if (this.#places[at] !== place) return;
    this.#own();
    this.#places.splice(at, 1);
    this.#values.splice(at, 1);
  }

  /** These and no others, in any order. */
  fill(all: readonly (readonly [place: number, value: V])[]): void {
    const sorted = all.toSorted(([one], [other]) => one - other);
    this.#places = sorted.map(([place]) => place);
    this.#values = sorted.map(([, value]) => value);
    this.#lent = false;
  }

  #own(): void {
    if (this.#lent) this.#values = this.#values.slice();
    this.#lent = false;
  }

  /** Where it is, or belongs. */
  #at(place: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] as number) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
