import { Waker, type Clock } from '../core/index.ts';
import type { Message } from './state.ts';
import type { Stream } from './stream.ts';

/** How a follower gets what a stream has from one number on: null when it must be looked for anew. */
export interface Reading {
  next(): Promise<Message | null>;
  close(): void;
}

/** How often it is asked for what comes next, and for how long, ms. */
const EVERY = 100;
const LONGEST = 5_000;

/**
 * Messages asked for one by one. A cluster of which a server is away may choose just that one to keep a new consumer, and then never says so;
 * who leads the stream answers all the same.
 */
export class Asked implements Reading {
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #until: number;
  #seq: number;
  #isClosed = false;
  readonly #waker: Waker;

  constructor(stream: Stream, clock: Clock, seq: number) {
    this.#stream = stream;
    this.#clock = clock;
    this.#until = clock.now() + LONGEST;
    this.#seq = seq;
    this.#waker = new Waker(clock);
  }

  /** @throws {RowcastError} `ledger_lost`. */
  async next(): Promise<Message | null> {
    while (!this.#isClosed && this.#clock.now() < this.#until) {
      const message = await this.#stream.next(this.#seq);
      if (message) this.#seq = message.head.seq + 1;
      if (message) return message;
      await this.#waker.sleep(EVERY);
    }
    return null;
  }

  close(): void {
    this.#isClosed = true;
    this.#waker.wake();
  }
}
