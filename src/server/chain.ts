/** Places that may be empty before the rest is moved to the front. */
const SLACK = 64;

/** A list that grows at its end and is let go of at its front, both at the cost of one step, and can be searched from both. */
export class Chain<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): void {
    if (this.#head >= this.#items.length) return;
    this.#items[this.#head++] = undefined as never; // what is let go of must not be kept alive
    if (this.#head > SLACK && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The items from the first one that is not `passed`; those that are must all stand before it. */
  after(passed: (item: T) => boolean): readonly T[] {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (passed(this.#items[middle] as T)) low = middle + 1;
      else high = middle;
    }
    return low === this.#items.length ? [] : this.#items.slice(low);
  }
}
