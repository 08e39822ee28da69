import type { Clock } from '../core/index.ts';
import { isBusy, type Connection } from './connection.ts';

/** How often other connections' commits are looked for, ms. A look is microseconds. */
const EVERY = 5;

/** Says when something was committed: at once for Rowcast's own writes, by polling for everybody else's. Polls only while somebody waits. */
export class Pulse {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #waiting = new Set<(failure?: { readonly error: unknown }) => void>();
  #seen: bigint;
  #timer: { cancel(): void } | null = null;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#seen = this.#version();
  }

  /**
   * Resolves at the next commit, or when the signal aborts. A commit between two calls counts for the second.
   * @throws what the database threw when it was looked at.
   */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => done();
      const done = (failure?: { readonly error: unknown }): void => {
        signal.removeEventListener('abort', aborted);
        this.#waiting.delete(done);
        if (failure) reject(failure.error);
        else resolve();
      };
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', aborted);
      this.#waiting.add(done);
      this.#arm();
    });
  }

  /** Something was committed on this connection. */
  beat(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.beat();
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(EVERY, () => {
      this.#timer = null;
      try {
        this.#look();
      } catch (error) {
        // Thrown from a timer it would end the app's process: it is the readers' to know.
        for (const wake of [...this.#waiting]) wake({ error });
      }
      if (this.#waiting.size > 0) this.#arm();
    });
  }

  #look(): void {
    const version = this.#version();
    if (version === this.#seen) return;
    this.#seen = version;
    this.beat();
  }

  /** Changes with every commit of another connection. */
  #version(): bigint {
    try {
      return this.#connection.all('PRAGMA data_version')[0]?.[0] as bigint;
    } catch (error) {
      // Another process is recovering the file after a crash: it is looked at again in a moment.
      if (isBusy(error)) return this.#seen;
      throw error;
    }
  }
}
