/** One seed, one sequence: everything a schedule leaves to chance is asked of it, in order, and of nothing else. */
export class Random {
  #state: [number, number, number, number];

  constructor(seed: number) {
    this.#state = [seed | 0, 0x9e3779b9, 0x243f6a88, 0xb7e15162];
    for (let round = 0; round < 12; round++) this.next();
  }

  /** At least 0, less than 1. */
  next(): number {
    let [a, b, c, d] = this.#state;
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    this.#state = [a, b, c, d];
    return (sum >>> 0) / 4_294_967_296;
  }

  /** A whole number of at least 0 and less than `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Each of the weighted with a chance by its weight; those of weight 0 never. */
  weighted<T>(from: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.next() * from.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of from) if ((left -= weight) < 0) return value;
    return (from.find(([weight]) => weight > 0) as readonly [number, T])[1];
  }

  /** 22 of `A-Z a-z 0-9 _ -`. */
  name(): string {
    let name = '';
    for (let place = 0; place < 22; place++) name += LETTERS[this.below(LETTERS.length)];
    return name;
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
