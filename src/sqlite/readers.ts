import { RowcastError } from '../core/index.ts';
import type { Connection } from './connection.ts';

/** Connections that only read, at most so many at a time: who comes beyond that waits. */
export class Readers {
  readonly #most: number;
  readonly #connect: () => Promise<Connection>;
  readonly #idle: Connection[] = [];
  readonly #queue = new Set<() => void>();
  #taken = 0;
  #closed = false;

  constructor(most: number, connect: () => Promise<Connection>) {
    this.#most = most;
    this.#connect = connect;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws the signal's reason when it aborts first. */
  async take(signal: AbortSignal): Promise<Connection> {
    while (!this.#closed && !signal.aborted && this.#taken >= this.#most) await this.#turn(signal);
    signal.throwIfAborted();
    if (this.#closed) throw closed();
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
      if (this.#closed) connection.close();
      else this.#idle.push(connection);
    } catch {
      // It is of no use any more: the next one who asks gets another.
      connection.close();
    }
    this.#free();
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    for (const wake of [...this.#queue]) wake();
  }

  #free(): void {
    this.#taken--;
    const [first] = this.#queue;
    first?.();
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

export function closed(): RowcastError {
  return new RowcastError('closed', 'the database is closed; open it again with rowcast(…)');
}
