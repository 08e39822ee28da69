import { pause, RowcastError, type Clock, type Log } from '../core/index.ts';
import type { Dial } from './clients.ts';
import { away, Line, type LineOptions } from './line.ts';

export interface LinkOptions extends LineOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two tries to connect, ms: from the first on each is twice the one before, up to the last. */
const PAUSE = { first: 50, last: 2_000 };

/** A connection that is made anew whenever it is lost. While there is none, everything rejects with `ledger_lost`, at once. */
export class Link {
  readonly #dial: Dial;
  readonly #options: LinkOptions;
  /** What each new connection begins with. */
  readonly #begin: (line: Line) => Promise<void>;
  readonly #closed = new AbortController();
  #line: Line | null = null;
  #why: unknown = 'it was not reached yet';

  private constructor(dial: Dial, options: LinkOptions, begin: (line: Line) => Promise<void>) {
    this.#dial = dial;
    this.#options = options;
    this.#begin = begin;
  }

  /** @throws {RowcastError} `ledger_lost` when it cannot be reached now; `driver_missing`. */
  static async open(dial: Dial, options: LinkOptions, begin: (line: Line) => Promise<void> = async () => {}): Promise<Link> {
    const link = new Link(dial, options, begin);
    await link.#connect();
    void link.#keep();
    return link;
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  send(command: readonly string[], key: string | null): Promise<unknown> {
    return this.#line ? this.#line.send(command, key) : Promise.reject(this.#lost());
  }

  /** Ends the connection that is there; another takes its place. */
  renew(): void {
    this.#line?.close();
  }

  close(): void {
    this.#closed.abort(new RowcastError('closed', 'the broker was closed'));
    this.#line?.close();
    this.#line = null;
  }

  #lost(): RowcastError {
    return this.#closed.signal.aborted ? (this.#closed.signal.reason as RowcastError) : away(this.#why);
  }

  async #connect(): Promise<void> {
    const line = await Line.dial(this.#dial, this.#options, this.#closed.signal);
    try {
      await this.#begin(line);
    } catch (error) {
      line.close();
      throw error;
    }
    this.#line = line;
  }

  async #keep(): Promise<void> {
    const { clock, log } = this.#options;
    for (let wait = 0; !this.#closed.signal.aborted;) {
      if (this.#line) {
        this.#why = await this.#line.lost;
        this.#line = null;
        if (this.#closed.signal.aborted) return;
        log.warn({ err: this.#why }, 'the connection to Redis was lost: it is made again');
        wait = 0;
      }
      try {
        await this.#connect();
        log.info({}, 'connected to Redis again');
      } catch (error) {
        this.#why = error instanceof RowcastError ? (error.cause ?? error) : error;
        wait = Math.min(wait * 2 || PAUSE.first, PAUSE.last);
        await pause(clock, wait, this.#closed.signal);
      }
    }
  }
}
