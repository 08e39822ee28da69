import { pause, RowcastError, type Clock } from '../core/index.ts';
import { isBusy, type Connection } from './connection.ts';

/** How long a write waits for another writer before it gives up, ms. */
const PATIENCE = 5_000;
/** The longest pause between two tries, ms. */
const LONGEST_PAUSE = 50;

/**
 * Runs synchronous bodies as write transactions. The connection itself never waits for a lock: in this very thread the app may hold a
 * transaction open across awaits, and waiting for it synchronously would wait for ever. So a taken lock is tried again later, and a body, once
 * begun, runs to its end without giving way.
 */
export class WriteLock {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #closed = false;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whatever waits, or comes later, is refused. */
  close(): void {
    this.#closed = true;
  }

  /**
   * `BEGIN IMMEDIATE`, the body, `COMMIT`; rolled back when the body throws. Waits up to 5 s for other writers.
   * @throws {RowcastError} `write_refused` when they did not end in time.
   */
  async transaction<T>(body: () => T): Promise<T> {
    return this.#patiently(() => this.#attempt(body));
  }

  /** Like `transaction`, but only if nobody else is writing right now. @returns null when somebody is. */
  ifFree<T>(body: () => T): T | null {
    const done = this.#attempt(body);
    return 'busy' in done ? null : done.result;
  }

  /** Tries again, with pauses, while the database says it is busy. */
  retried<T>(attempt: () => T): Promise<T> {
    return this.#patiently(() => {
      try {
        return { result: attempt() };
      } catch (error) {
        return busyOr(error);
      }
    });
  }

  async #patiently<T>(attempt: () => Attempt<T>): Promise<T> {
    const deadline = this.#clock.now() + PATIENCE;
    for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
      if (this.#closed) throw new RowcastError('closed', 'the database is closed; open it again with rowcast(…)');
      const done = attempt();
      if ('result' in done) return done.result;
      if (this.#clock.now() >= deadline) {
        const cure = 'end the transaction that another connection holds open';
        throw new RowcastError('write_refused', `the database stayed locked for ${PATIENCE / 1000} s: ${cure}`, { cause: done.busy });
      }
      await pause(this.#clock, wait);
    }
  }

  /** From BEGIN to COMMIT without giving way: the connection is shared by all that waits. */
  #attempt<T>(body: () => T): Attempt<T> {
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
    } catch (error) {
      // A judge, in the middle of a turn, asked for it: the turn is what it waits for.
      return this.#connection.inTransaction ? { busy: error } : busyOr(error);
    }
    return { result: this.#run(body) };
  }

  #run<T>(body: () => T): T {
    try {
      const result = body();
      this.#connection.exec('COMMIT');
      return result;
    } catch (error) {
      // A RAISE(ROLLBACK) of the app's, or a full disk, has ended it already.
      if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }
}

type Attempt<T> = { readonly result: T } | { readonly busy: unknown };

function busyOr(error: unknown): { readonly busy: unknown } {
  if (isBusy(error)) return { busy: error };
  throw error;
}
