/** Emptied slots that are not worth moving the others for. */
const SPARE = 64;

/**
 * A queue whose items keep their numbers: the first that was ever put in is 0. Putting in and taking cost one step, amortised; what was taken is
 * let go of at once.
 */
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
    // Many a shelf has one item for ever, and a list that is pushed to when it is empty makes room for seventeen.
    if (this.#slots.length === 0) this.#slots = [item];
    else this.#slots.push(item);
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

  /** The number of the first item that is not `passed`, `end` when all are; those that are must all stand before it. */
  after(passed: (item: T) => boolean): number {
    let [from, to] = [this.first, this.end];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (passed(this.at(middle) as T)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** At most `count` items from this number on, which must not be one that was taken. */
  slice(from: number, count: number = this.size): T[] {
    const at = from - this.#base;
    return this.#slots.slice(at, at + count) as T[];
  }
}
