import { CarriedBus, pause, type Clock, type Log } from '../core/index.ts';
import type { Connection } from './connection.ts';
import type { WriteLock } from './lock.ts';
import type { Pulse } from './pulse.ts';

export interface SqliteBusParts {
  readonly connection: Connection;
  readonly lock: WriteLock;
  readonly pulse: Pulse;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the file keeps: a process that did not look for so long has missed what was before. */
const KEPT = 500n;
const KEPT_BYTES = 8n * 1024n * 1024n;
/** Texts read at a stroke. */
const PAGE = 100;
/** Who could not look tries again after so many ms. */
const AGAIN = 100;

/**
 * Messages between the processes on one file, in a small table of it: found by the look at the file that finds rows. The oldest go with each new
 * one.
 */
export class SqliteBus extends CarriedBus {
  readonly #parts: SqliteBusParts;
  readonly #closed = new AbortController();
  #seen: bigint;

  constructor(parts: SqliteBusParts) {
    const { connection, lock, clock, log } = parts;
    super({
      from: clock.id(),
      log,
      carry: (text) =>
        lock.transaction(() => {
          const [newest] = connection.all('SELECT n, total FROM _rowcast_sent ORDER BY n DESC LIMIT 1');
          const [n, before] = (newest ?? [0n, 0n]) as readonly [bigint, bigint];
          const total = before + BigInt(text.length);
          connection.run('INSERT INTO _rowcast_sent(total, text) VALUES (?, ?)', total, text);
          connection.run('DELETE FROM _rowcast_sent WHERE n <= ? AND (n < ? OR total < ?)', n, n - KEPT, total - KEPT_BYTES);
        }),
    });
    this.#parts = parts;
    this.#seen = this.#newest();
  }

  /** Looks from now on, for as long as it is not closed. */
  start(): void {
    void this.#look();
  }

  close(): void {
    this.#closed.abort();
  }

  async #look(): Promise<void> {
    const { pulse, clock, log } = this.#parts;
    const { signal } = this.#closed;
    let failing = false;
    while (!signal.aborted) {
      try {
        const more = this.#read();
        failing = false;
        if (more) await new Promise<void>((resolve) => clock.soon(resolve));
        else await pulse.next(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!failing) log.error({ err: error }, 'messages of other processes on the file cannot be read; trying again');
        failing = true;
        await pause(clock, AGAIN, signal);
      }
    }
  }

  /** @returns whether there may be more. */
  #read(): boolean {
    // In one statement, and so of one moment: what is trimmed meanwhile is not missed.
    const rows = this.#parts.connection.all('SELECT n, text FROM _rowcast_sent WHERE n > ? ORDER BY n LIMIT ?', this.#seen, BigInt(PAGE));
    for (const [n, text] of rows) {
      this.#seen = n as bigint;
      this.hear(text as string);
    }
    // A file that was put back from a copy counts from there.
    if (rows.length === 0 && this.#newest() < this.#seen) this.#seen = this.#newest();
    return rows.length === PAGE;
  }

  #newest(): bigint {
    return this.#parts.connection.all(
      "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '_rowcast_sent'), 0)",
    )[0]?.[0] as bigint;
  }
}
