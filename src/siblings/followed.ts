import type { Entry } from '../core/index.ts';

export interface Following {
  /** Another batch may come. */
  more(): void;
  leave(): void;
}

/** What comes to a reader over the socket: one batch that it has not taken, at most. */
export class Followed {
  readonly #signal: AbortSignal;
  readonly #following: Following;
  readonly #leave = (): void => this.#left();
  #batch: readonly Entry[] | null = null;
  #error: Error | null = null;
  #wake = (): void => undefined;

  constructor(signal: AbortSignal, following: Following) {
    this.#signal = signal;
    this.#following = following;
    // Whoever asked may never read.
    signal.addEventListener('abort', this.#leave, { once: true });
  }

  take(batch: readonly Entry[]): void {
    this.#batch = batch;
    this.#wake();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#wake();
  }

  /** What is not read is what the ledger keeps: nothing is asked for before the first read. */
  async *read(): AsyncGenerator<readonly Entry[]> {
    try {
      if (!this.#error) this.#following.more();
      while (!this.#signal.aborted) {
        const batch = this.#batch;
        if (batch) {
          this.#batch = null;
          // The next one is on its way while this one is looked at.
          this.#following.more();
          yield batch;
        } else if (this.#error) throw this.#error;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#left();
    }
  }

  #left(): void {
    this.#signal.removeEventListener('abort', this.#leave);
    this.#batch = null;
    this.#following.leave();
    this.#wake();
  }
}
