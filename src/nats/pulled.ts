import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../core/index.ts';
import type { Reading } from './asked.ts';
import type { Line } from './line.ts';
import { decode, type Message } from './state.ts';
import type { Stream } from './stream.ts';

/** Messages of one pull. */
const BATCH = 64;
/** Bytes of one pull, at least; a message that is larger than a pull never comes. */
const BYTES = 4 * 1024 * 1024;
/** How often a server that has nothing says that it is there, and how long a pull waits, ms. */
const HEARTBEAT = 1_000;
const WAIT = 30_000;
/** A consumer that is not asked for so long is forgotten by the server, ms: a slow reader gets another. */
const IDLE = 60_000;

/**
 * A stream's messages from one number on, by a consumer that the server keeps in memory. `next` gives null when that consumer is gone, or is
 * silent: whoever wants to read on looks where it stands and opens another.
 */
export class Pulled implements Reading {
  readonly #line: Line;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #consumer: string;
  readonly #inbox: string;
  readonly #heard: Subscription;
  readonly #lost: AbortSignal;
  #queue: Msg[] = [];
  /** Messages that the pull under way still may bring. */
  #due = 0;
  #isGone = false;
  #wake: () => void = () => undefined;
  #silence: { cancel(): void } | null = null;

  private constructor(stream: Stream, clock: Clock, consumer: string) {
    this.#line = stream.line;
    this.#stream = stream;
    this.#clock = clock;
    this.#consumer = consumer;
    this.#inbox = stream.line.inbox();
    this.#heard = stream.line.subscribe(this.#inbox, (message) => this.#hear(message));
    this.#lost = stream.line.held;
    this.#lost.addEventListener('abort', this.#woken);
  }

  /** Null: there is no stream any more. */
  static async open(stream: Stream, clock: Clock, seq: number): Promise<Pulled | null> {
    const consumer = await stream.consume(seq, IDLE);
    return consumer === null ? null : new Pulled(stream, clock, consumer);
  }

  /** Waits for one, until it is closed. @throws {RowcastError} `ledger_lost`. */
  async next(): Promise<Message | null> {
    for (;;) {
      this.#lost.throwIfAborted();
      this.#pull();
      const message = this.#queue.shift();
      const decoded = message && decode(message.subject, message.data);
      if (decoded) return decoded;
      if (message) continue;
      if (this.#isGone) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#gone();
    this.#lost.removeEventListener('abort', this.#woken);
    // Also where the connection is lost: the driver would ask for it again on the next one.
    this.#heard.unsubscribe();
    if (this.#lost.aborted) return;
    this.#stream.forget(this.#consumer).catch(() => undefined);
  }

  #pull(): void {
    if (this.#isGone || this.#due > 0 || this.#queue.length >= BATCH / 2) return;
    this.#due = BATCH;
    const bytes = Math.max(BYTES, 2 * this.#line.largest);
    const wanted = { batch: BATCH, max_bytes: bytes, expires: WAIT * 1_000_000, idle_heartbeat: HEARTBEAT * 1_000_000 };
    this.#line.publish(this.#stream.api(`CONSUMER.MSG.NEXT.${this.#stream.name}.${this.#consumer}`), JSON.stringify(wanted), this.#inbox);
    this.#listen();
  }

  #hear(message: Msg): void {
    this.#listen();
    // What the server itself says has a status and no content.
    const status = message.data.length === 0 ? (message.headers?.code ?? 0) : 0;
    switch (status) {
      case 0:
        this.#due--;
        this.#queue.push(message);
        break;
      case 100: // it is there
        return;
      case 404: // nothing there, nothing more within the time, or within the bytes: the pull is over
      case 408:
        this.#due = 0;
        break;
      case 409:
        if (/exceeds/i.test(message.headers?.description ?? '')) this.#due = 0;
        else this.#gone();
        break;
      default:
        this.#gone();
    }
    this.#woken();
  }

  #listen(): void {
    this.#silence?.cancel();
    this.#silence = this.#isGone ? null : this.#clock.after(3 * HEARTBEAT, () => (this.#due > 0 ? this.#gone() : undefined));
  }

  #gone(): void {
    this.#isGone = true;
    this.#silence?.cancel();
    this.#woken();
  }

  readonly #woken = (): void => this.#wake();
}
