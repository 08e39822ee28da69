import { RowcastError, type Clock } from '../core/index.ts';
import type { Dial, Wire } from './clients.ts';

/** What a server says when it is not, or not any more, the one to talk to: another connection may reach another one. */
const ELSEWHERE = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN) /;

/** What a server answered, rather than that it did not: those begin with a word in capitals. */
const ANSWER = /^[A-Z]+ /;

export interface LineOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** How long a server that was asked may say nothing before it counts as away, ms. */
  readonly patience: number;
}

/**
 * One connection, which ends for good at the first sign that nothing comes through it. Commands are answered in the order they were sent, or
 * rejected with `ledger_lost`: whether they were done is not known then.
 */
export class Line {
  /** Resolves, with what ended it. */
  readonly lost: Promise<unknown>;
  #wire: Wire | null = null;
  readonly #options: LineOptions;
  readonly #ended = new AbortController();
  #end: (cause: unknown) => void = () => undefined;
  readonly #waiting = new Set<(cause: unknown) => void>();
  #answers = 0;
  #watch: { cancel(): void } | null = null;

  private constructor(options: LineOptions) {
    this.#options = options;
    this.lost = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** @throws {RowcastError} `ledger_lost` when it cannot be had, in as long as the patience is; `driver_missing`. */
  static async dial(dial: Dial, options: LineOptions, signal: AbortSignal): Promise<Line> {
    const line = new Line(options);
    const late = options.clock.after(options.patience, () => line.#close(new Error('nobody answered')));
    const abort = (): void => line.close();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const dialled = dial((cause) => line.#close(cause), line.#ended.signal);
      // Not every driver gives up at once when it is told to.
      line.#wire = await Promise.race([dialled, line.lost.then((cause) => Promise.reject(cause))]);
      void line.lost.then(() => line.#wire?.destroy());
      return line;
    } catch (cause) {
      line.#close(cause);
      throw cause instanceof RowcastError ? cause : away(cause);
    } finally {
      late.cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  /** @param key see `Wire.send` */
  async send(command: readonly string[], key: string | null): Promise<unknown> {
    if (!this.#wire || this.#ended.signal.aborted) throw away(this.#ended.signal.reason);
    this.#watch ??= this.#watched();
    try {
      return await this.#unlessLost(this.#wire.send(command, key));
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : '';
      if (!ANSWER.test(said) || ELSEWHERE.test(said)) this.#close(cause);
      throw away(cause);
    } finally {
      this.#answers++;
    }
  }

  async hear(channel: string, hear: (message: string) => void): Promise<void> {
    try {
      await this.#unlessLost(this.#wire?.hear(channel, hear) ?? Promise.reject(new Error('it is not connected')));
    } catch (cause) {
      this.#close(cause);
      throw away(cause);
    }
  }

  close(): void {
    this.#close(new Error('it was closed'));
  }

  #close(cause: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#watch?.cancel();
    this.#ended.abort(cause);
    this.#end(cause);
    for (const reject of this.#waiting) reject(cause);
    this.#waiting.clear();
  }

  /** A driver may hold on to what it has sent for longer than the connection lasts. */
  #unlessLost<T>(coming: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      coming.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** One timer for however many commands: a silence is found after one to two times the patience. */
  #watched(): { cancel(): void } {
    const before = this.#answers;
    return this.#options.clock.after(this.#options.patience, () => {
      this.#watch = null;
      if (this.#waiting.size === 0) return;
      if (this.#answers === before) this.#close(new Error(`nothing was answered for ${this.#options.patience} ms`));
      else this.#watch = this.#watched();
    });
  }
}

export function away(cause: unknown): RowcastError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RowcastError('ledger_lost', `Redis is away (${why}): it is tried again; look whether it runs and can be reached from here`, {
    cause,
  });
}
