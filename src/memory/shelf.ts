/** Emptied slots that are not worth moving the others for. */
const SPARE = 1_024;

/** A queue whose items keep their numbers: the first that was ever put in is 0. All but `slice` is O(1), amortised; what was taken is let go of at once. */
export class Shelf<T> {
  #slots: (T | undefined)[] = [];
  /** The number of the item in the first slot. */
  #base = 0;
  /** Slots that were emptied, all in front. */
  #empty = 0;

  /** The oldest item's number; `end` when there is none. */
  get first(): number {
    return this.#base + this.#empty;
  }

  /** The number that the next item gets. */
  get end(): number {
    return this.#base + this.#slots.length;
  }

  get size(): number {
    return this.#slots.length - this.#empty;
  }

  /** Slots taken up, emptied ones included: less than twice `size`, and a little. */
  get slots(): number {
    return this.#slots.length;
  }

  at(number: number): T | undefined {
    return this.#slots[number - this.#base];
  }

  push(item: T): void {
    this.#slots.push(item);
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#slots[this.#empty];
    this.#slots[this.#empty++] = undefined;
    if (this.#empty > SPARE && this.#empty > this.size) {
      this.#slots = this.#slots.slice(this.#empty);
      this.#base += this.#empty;
      this.#empty = 0;
    }
    return item;
  }

  /** At most `count` items from this number on, which must not be one that was taken. */
  slice(from: number, count: number): T[] {
    const at = from - this.#base;
    return this.#slots.slice(at, at + count) as T[];
  }
}
