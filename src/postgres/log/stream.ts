import { RowcastError, type Clock, type Commit } from '../../core/index.ts';
import type { Assembler } from './assembler.ts';
import type { Confirming, Telling } from './confirming.ts';
import type { Receiver, ReplicationConnection } from './replication.ts';

/** Commits that wait for the reader: over it, the socket is left alone until they are taken. */
const QUEUE_BYTES = 4 * 1024 * 1024;
const MOST_MS = 10_000;
/**
 * A server from 16 on can miss that there is something to send while it is about to wait for it, and would then wait until it hears of us (seen
 * with three readers on two cores, once in 700 commits): a word from us is as good as the one it missed.
 */
const NUDGE_MS = 250;
/** Where the server has no timeout of its own. */
const DEFAULT_TIMEOUT_MS = 60_000;

export interface LogStreamParts {
  readonly connection: ReplicationConnection;
  readonly assembler: Assembler;
  readonly confirming: Confirming;
  readonly clock: Clock;
  /** Milliseconds after which the server drops a reader it does not hear of; 0: never. */
  readonly timeout: number;
  notice(message: string): void;
  /** Whether the server is about to cut the slot off, or has done so. */
  threatened(): Promise<boolean>;
}

/**
 * One connection's reading of the log. Back-pressure stops the socket, never the status messages: a reader that waits is not taken for dead.
 */
export class LogStream implements Receiver, Telling {
  readonly #parts: LogStreamParts;
  readonly #period: number;
  #received = 0n;
  #heard: number;
  #keepalive = 0n;
  #paused = false;
  #over: { readonly error: unknown } | null = null;
  #asked: number;
  #timer: { cancel(): void } | null = null;
  #wake: () => void = () => {};

  constructor(parts: LogStreamParts) {
    this.#parts = parts;
    this.#heard = this.#asked = parts.clock.now();
    this.#period = Math.min(MOST_MS, (parts.timeout || DEFAULT_TIMEOUT_MS) / 3);
  }

  /** Yields until the signal aborts; rejects when the log fails, after what came before that was taken. */
  async *batches(failed: Promise<void>, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    const { assembler, confirming } = this.#parts;
    const abort = (): void => this.#wake();
    signal.addEventListener('abort', abort, { once: true });
    failed.catch((error: unknown) => this.fail(error));
    this.#ask();
    this.#tick();
    confirming.start(this);
    try {
      while (!signal.aborted) {
        const batch = assembler.take();
        if (batch.length > 0) {
          this.#resume();
          confirming.gave(batch);
          yield batch;
        } else if (this.#over) {
          throw this.#over.error;
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
    } finally {
      signal.removeEventListener('abort', abort);
      await this.close();
    }
  }

  /** Says to the server what was confirmed last, and hangs up. `batches` rejects, unless it was that which ended. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#parts.confirming.stop();
    this.tell();
    this.fail(new RowcastError('closed', 'the database was closed'));
    await this.#parts.connection.close();
  }

  fail(error: unknown): void {
    this.#over ??= { error };
    this.#wake();
  }

  passed(): bigint {
    const { assembler, confirming } = this.#parts;
    return !assembler.open && !assembler.waiting && confirming.isHeld ? this.#keepalive : 0n;
  }

  tell(): void {
    if (this.#over) return;
    const { connection, confirming } = this.#parts;
    connection.confirm(confirming.confirmed);
    this.#status(false);
  }

  data(buffer: Buffer, start: number): void {
    if (this.#over) return;
    try {
      this.#parts.assembler.decoder.decode(buffer, start);
    } catch (error) {
      this.fail(error); // a throw from here would be the socket's, and end the process
    }
  }

  keepalive(end: bigint, wantsReply: boolean): void {
    this.#keepalive = end;
    if (wantsReply) this.#status(false);
  }

  chunk(): void {
    const { assembler, clock } = this.#parts;
    this.#heard = clock.now();
    if (!assembler.waiting) return;
    if (assembler.bytes > QUEUE_BYTES && !this.#paused) {
      this.#paused = true;
      this.#parts.connection.pause();
    }
    this.#wake();
  }

  notice(message: string): void {
    this.#parts.notice(message);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#heard = this.#parts.clock.now();
    this.#parts.connection.resume();
  }

  #tick(): void {
    this.#timer = this.#parts.clock.after(Math.min(NUDGE_MS, this.#period), () => {
      if (this.#over) return;
      if (this.#parts.clock.now() - this.#asked >= this.#period) this.#ask();
      else this.#status(false);
      this.#tick();
    });
  }

  #ask(): void {
    const { clock, timeout } = this.#parts;
    const now = (this.#asked = clock.now());
    if (!this.#paused && now - this.#heard > 2 * (timeout || DEFAULT_TIMEOUT_MS)) {
      this.fail(new RowcastError('source_lost', 'the server has not been heard of for too long; the connection is taken for dead'));
      return;
    }
    this.tell(); // a server that crashed has forgotten
    // Asking for an answer makes an idle server say how far it is, and a dead one noticed.
    this.#status(true);
    if (this.#paused) void this.#yield();
  }

  /** A server that cuts a slot off waits for whoever reads by it, and makes no checkpoint meanwhile; and who does not take what is sent stays. */
  async #yield(): Promise<void> {
    if (!(await this.#parts.threatened().catch(() => false)) || !this.#paused) return;
    this.fail(new RowcastError('source_lost', 'the commits were not taken for so long that the server is about to cut the slot off'));
    await this.#parts.connection.close();
  }

  #status(ask: boolean): void {
    if (this.#keepalive > this.#received) this.#received = this.#keepalive;
    this.#parts.connection.status(this.#received, ask);
  }
}
