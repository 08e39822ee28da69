import type { Json, Log } from '../core/index.ts';
import type { Consumer, ConsumerContext } from './consumer.ts';
import type { Arrival } from './session.ts';
import type { PlainFrame } from './tick.ts';

/** What a consumer's functions may do to their session. */
export interface Acts {
  readonly log: Log;
  send(frame: PlainFrame): void;
  close(code: number, reason: string): void;
  join(group: string): void;
  leave(group: string): void;
  sendTo(group: string, payload: Json, how: { readonly stream: string; readonly others: boolean }): void;
}

/** The app's own consumers on one connection. */
export class OwnStreams {
  readonly #arrival: Arrival;
  readonly #acts: Acts;
  readonly #contexts = new Map<string, Own>();

  constructor(arrival: Arrival, acts: Acts) {
    this.#arrival = arrival;
    this.#acts = acts;
  }

  async connect(): Promise<void> {
    for (const [stream, consumer] of this.#arrival.endpoint.consumers)
      await this.#run(stream, consumer, (context) => consumer.connect?.(context));
  }

  /** False when the consumer threw. */
  receive(stream: string, payload: Json): Promise<boolean> {
    const consumer = this.#arrival.endpoint.consumers.get(stream) as Consumer;
    return this.#run(stream, consumer, (context) => consumer.receive?.(consumer.decode ? consumer.decode(payload) : payload, context));
  }

  async disconnect(code: number): Promise<void> {
    for (const [stream, consumer] of this.#arrival.endpoint.consumers)
      await this.#run(stream, consumer, (context) => consumer.disconnect?.(context, code));
  }

  /** Runs one of a consumer's functions; what it did takes effect when it has ended, and not at all when it threw. */
  async #run(stream: string, consumer: Consumer, call: (context: ConsumerContext<unknown>) => void | Promise<void>): Promise<boolean> {
    let own = this.#contexts.get(stream);
    if (!own) this.#contexts.set(stream, (own = this.#own(stream, consumer)));
    try {
      await call(own.context);
      for (const act of own.pending.splice(0)) act();
      return true;
    } catch (error) {
      own.pending.length = 0;
      this.#acts.log.error({ err: error, stream }, `the consumer "${stream}" failed; what it sent is dropped`);
      return false;
    }
  }

  #own(stream: string, consumer: Consumer): Own {
    const { user, connecting } = this.#arrival;
    const acts = this.#acts;
    const pending: (() => void)[] = [];
    const encode = (payload: Json): Json => (consumer.encode ? consumer.encode(payload) : payload);
    const context: ConsumerContext<unknown> = {
      user,
      stream,
      params: connecting.params,
      query: connecting.query,
      state: {},
      reply: (payload) => pending.push(() => acts.send({ type: 'message', stream, payload: encode(payload) })),
      close: (code = 1000, reason = '') => pending.push(() => acts.close(code, reason)),
      groups: {
        add: (group) => pending.push(() => acts.join(group)),
        discard: (group) => pending.push(() => acts.leave(group)),
        send: (group, payload, { others = false } = {}) => pending.push(() => acts.sendTo(group, encode(payload), { stream, others })),
      },
    };
    return { context, pending };
  }
}

interface Own {
  readonly context: ConsumerContext<unknown>;
  readonly pending: (() => void)[];
}
