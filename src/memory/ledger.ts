import { performance } from 'node:perf_hooks';
import {
  appendRefusal,
  notKept,
  overtaken,
  Shelf,
  sizeOf,
  type Clock,
  type Entry,
  type Ledger,
  type LedgerBounds,
  type Position,
  type RowcastError,
} from '../core/index.ts';

export interface MemoryLedgerOptions {
  /** Those left out: 100,000 entries, 64 MiB, one hour. */
  readonly bounds?: Partial<LedgerBounds>;
  readonly clock?: Pick<Clock, 'now'>;
}

const BOUNDS: LedgerBounds = { entries: 100_000, bytes: 64 * 1024 * 1024, age: 60 * 60 * 1_000 };

/** Entries a follower gets at once, at most. */
const BATCH = 1_000;

/**
 * A ledger in this process. What has passed a bound goes when somebody next appends, reads or asks, so that nothing wakes up for it: an idle
 * ledger may hold what is too old, and never more than the other two bounds.
 *
 * @example const ledger = memoryLedger(await source.tail(), { bounds: { age: 10 * 60_000 } })
 */
export function memoryLedger(start: Position, { bounds, clock = performance }: MemoryLedgerOptions = {}): Ledger {
  return new MemoryLedger(start, { ...BOUNDS, ...bounds }, clock);
}

interface Kept {
  readonly entry: Entry;
  readonly bytes: number;
  /** When it was appended, by the clock, in whole ms: a number with a fraction is an object of its own, and these are many. */
  readonly at: number;
}

class MemoryLedger implements Ledger {
  readonly #bounds: LedgerBounds;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kept = new Shelf<Kept>();
  #bytes = 0;
  #floor: Position;
  #tail: Position;
  /** 0: nobody leads. */
  #term = 0;
  /** Followers at the tail. */
  readonly #asleep = new Set<() => void>();

  constructor(start: Position, bounds: LedgerBounds, clock: Pick<Clock, 'now'>) {
    this.#floor = this.#tail = start;
    this.#bounds = bounds;
    this.#clock = clock;
  }

  async floor(): Promise<Position> {
    this.#trim();
    return this.#floor;
  }

  async tail(): Promise<Position> {
    return this.#tail;
  }

  async lead(least = 0, start?: Position): Promise<number> {
    // What it had and let go of is had all the same: it begins once.
    if (start !== undefined && this.#kept.end === 0) {
      this.#floor = this.#tail = start;
      this.#rouse();
    }
    return (this.#term = Math.max(this.#term + 1, least));
  }

  async append(entries: readonly Entry[], term: number): Promise<void> {
    const refusal = appendRefusal({ term: this.#term, tail: this.#tail }, entries, term);
    if (refusal) throw refusal;
    const at = Math.floor(this.#clock.now());
    for (const entry of entries) {
      const bytes = sizeOf(entry);
      this.#bytes += bytes;
      this.#kept.push({ entry, bytes, at });
    }
    this.#tail = entries.at(-1)?.position ?? this.#tail;
    this.#trim();
    this.#rouse();
  }

  #rouse(): void {
    for (const wake of this.#asleep) wake();
    this.#asleep.clear();
  }

  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]> {
    this.#trim();
    const from =
      this.#floor <= after
        ? this.#kept.after(({ entry }) => entry.position <= after)
        : notKept(after, { floor: this.#floor, tail: this.#tail });
    return this.#read(from, after, signal);
  }

  /** A follower is a number on the shelf: it holds up nothing, and an append between its check and its sleep is impossible. */
  async *#read(from: number | RowcastError, after: Position, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    let wake = (): void => undefined;
    const abort = (): void => {
      this.#asleep.delete(wake);
      wake();
    };
    signal.addEventListener('abort', abort, { once: true });
    let at = after;
    try {
      for (let next = from; !signal.aborted;) {
        if (typeof next !== 'number') throw next;
        this.#trim();
        // What it has not had has gone, or the ledger began after where it waits.
        if (next <= this.#kept.first && this.#floor > at) throw overtaken(this.#floor);
        next = Math.max(next, this.#kept.first);
        const kept = this.#kept.slice(next, BATCH);
        next += kept.length;
        const batch = kept.map(({ entry }) => entry);
        // Only who began past the tail has anything to leave out.
        while (batch[0] && batch[0].position <= after) batch.shift();
        at = batch.at(-1)?.position ?? at;
        if (batch.length > 0) yield batch;
        else if (kept.length === 0) await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #trim(): void {
    const { entries, bytes, age } = this.#bounds;
    const oldest = this.#clock.now() - age;
    for (;;) {
      const first = this.#kept.at(this.#kept.first);
      if (!first) return;
      const isTooMuch = this.#kept.size > 1 && (this.#kept.size > entries || this.#bytes > bytes);
      if (!isTooMuch && first.at >= oldest) return;
      this.#kept.shift();
      this.#bytes -= first.bytes;
      this.#floor = first.entry.position;
    }
  }
}
