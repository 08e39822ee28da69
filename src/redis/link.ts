import { pause, RowcastError, type Clock, type Log } from '../core/index.ts';
import type { Dial } from './clients.ts';
import { away, Line, type LineOptions } from './line.ts';

export interface LinkOptions extends LineOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two tries to connect, ms: from the first on each is twice the one before, up to the last; and never the same for two processes. */
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
    // What a connection begins with takes its time: nobody closes one that is not here yet.
    if (this.#closed.signal.aborted) line.close();
    else this.#line = line;
  }

  async #keep(): Promise<void> {
    const { clock, log } = this.#options;
    for (let wait = PAUSE.first; !this.#closed.signal.aborted; wait = Math.min(wait * 2, PAUSE.last)) {
      if (this.#line) {
        const since = clock.now();
        this.#why = await this.#line.lost;
        this.#line = null;
        if (this.#closed.signal.aborted) return;
        log.warn({ err: this.#why }, 'the connection to Redis was lost: it is made again');
        // A server that takes connections and ends them at once is no better than one that takes none.
        if (clock.now() - since > PAUSE.last) wait = PAUSE.first;
      }
      await pause(clock, wait * (0.5 + Math.random() / 2), this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      try {
        await this.#connect();
        log.info({}, 'connected to Redis again');
      } catch (error) {
        this.#why = error instanceof RowcastError ? (error.cause ?? error) : error;
      }
    }
  }
}
