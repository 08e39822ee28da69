import { RowcastError, type Entry, type Ledger, type Position } from '../core/index.ts';

/** Entries a follower may be behind before `append` waits for it. */
const ROOM = 10_000;

/**
 * A ledger in this process: hands entries from the relay to the gateway and keeps none that everybody has read.
 *
 * @example const ledger = memoryLedger(await source.tail())
 */
export function memoryLedger(start: Position): Ledger {
  const followers = new Set<Follower>();
  let tail = start;
  return {
    tail: () => Promise.resolve(tail),
    async append(entries) {
      const first = entries[0];
      if (!first) return;
      check(tail, entries);
      tail = (entries.at(-1) as Entry).position;
      for (const follower of followers) follower.push(entries);
      for (const follower of followers) await follower.room();
    },
    follow(after, signal) {
      if (after !== tail) {
        throw new RowcastError(
          'ledger_conflict',
          `this ledger is at ${tail} and keeps nothing from before it; it cannot be followed from ${after}`,
        );
      }
      const follower = new Follower(signal, () => followers.delete(follower));
      followers.add(follower);
      return follower;
    },
  };
}

function check(tail: Position, entries: readonly Entry[]): void {
  let prev = tail;
  for (const entry of entries) {
    if (entry.prev !== prev || entry.position <= prev) {
      throw new RowcastError('ledger_conflict', `entry ${entry.position} follows ${entry.prev}, but the tail is ${prev}`);
    }
    prev = entry.position;
  }
}

/** One reader's queue. Registered when `follow` is called, not when it is first read: nothing appended in between is missed. */
class Follower implements AsyncIterable<readonly Entry[]> {
  readonly #signal: AbortSignal;
  readonly #leave: () => void;
  #queue: Entry[] = [];
  #wake: (() => void) | null = null;
  #roomy: (() => void)[] = [];

  constructor(signal: AbortSignal, leave: () => void) {
    this.#signal = signal;
    this.#leave = leave;
    signal.addEventListener('abort', this.#end, { once: true });
    if (signal.aborted) this.#end();
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#queue.push(entry);
    this.#wake?.();
  }

  room(): Promise<void> | undefined {
    if (this.#queue.length < ROOM || this.#signal.aborted) return undefined;
    return new Promise((resolve) => this.#roomy.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Entry[]> {
    try {
      while (!this.#signal.aborted) {
        if (this.#queue.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = null;
        const batch = this.#queue;
        if (batch.length === 0) continue;
        this.#queue = [];
        for (const resolve of this.#roomy.splice(0)) resolve();
        yield batch;
      }
    } finally {
      this.#end();
    }
  }

  readonly #end = (): void => {
    this.#signal.removeEventListener('abort', this.#end);
    this.#leave();
    this.#queue = [];
    for (const resolve of this.#roomy.splice(0)) resolve();
    this.#wake?.();
  };
}
