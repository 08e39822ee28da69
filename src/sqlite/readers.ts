import { RowcastError } from '../core/index.ts';
import type { Connection } from './connection.ts';

/** Connections that only read, at most so many at a time: who comes beyond that waits. */
export class Readers {
  readonly #most: number;
  readonly #connect: () => Promise<Connection>;
  readonly #idle: Connection[] = [];
  readonly #queue = new Set<() => void>();
  readonly #closing = new AbortController();
  #taken = 0;
  #allGiven: (() => void) | null = null;

  constructor(most: number, connect: () => Promise<Connection>) {
    this.#most = most;
    this.#connect = connect;
  }

  /** Aborts when it is closed: what was taken is to be given back. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** @throws the signal's reason when it aborts first: it has to abort when this is closed. */
  async take(signal: AbortSignal): Promise<Connection> {
    while (!signal.aborted && this.#taken >= this.#most) await this.#turn(signal);
    signal.throwIfAborted();
    this.#taken++;
    try {
      return this.#idle.pop() ?? (await this.#connect());
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Ends whatever it was reading. */
  give(connection: Connection): void {
    try {
      if (connection.inTransaction) connection.exec('ROLLBACK');
      if (this.signal.aborted) connection.close();
      else this.#idle.push(connection);
    } catch {
      // It is of no use any more: the next one who asks gets another.
      connection.close();
    }
    this.#free();
  }

  /** Resolves when everything was given back. */
  async close(): Promise<void> {
    this.#closing.abort(new RowcastError('closed', 'the database is closed; open it again with rowcast(…)'));
    for (const connection of this.#idle.splice(0)) connection.close();
    if (this.#taken > 0) await new Promise<void>((resolve) => (this.#allGiven = resolve));
  }

  #free(): void {
    this.#taken--;
    const [first] = this.#queue;
    first?.();
    if (this.#taken === 0) this.#allGiven?.();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#queue.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.#queue.add(wake);
    });
  }
}
