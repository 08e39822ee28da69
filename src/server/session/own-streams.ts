import { groupKey, RowcastError, type Group, type Json } from '../../core/index.ts';
import { encoded, type Consumer, type ConsumerContext } from '../fan-out/consumer.ts';
import { jsonOf } from '../fan-out/groups.ts';
import type { Arrival } from '../admission/arrival.ts';
import type { Caller } from '../views/caller.ts';
import type { PlainFrame } from '../fan-out/wire.ts';

/** Whose they are. */
export interface Owner extends Caller {
  close(code: number, reason: string): void;
  join(group: Group): void;
  leave(group: string): void;
}

type Call = (context: ConsumerContext<unknown>) => void | Promise<void>;

/** The app's own consumers on one connection. */
export class OwnStreams {
  readonly #arrival: Arrival;
  readonly #owner: Owner;
  readonly #connected = new Map<string, Own>();

  constructor(arrival: Arrival, owner: Owner) {
    this.#arrival = arrival;
    this.#owner = owner;
  }

  async connect(): Promise<void> {
    for (const [stream, consumer] of this.#arrival.endpoint.consumers) {
      if (!this.#owner.box.open) return;
      const own = this.#own(stream, consumer);
      this.#connected.set(stream, own);
      await this.#run(own, (context) => consumer.connect?.(context));
    }
  }

  /** False when the consumer threw. */
  receive(stream: string, payload: Json): Promise<boolean> {
    const own = this.#connected.get(stream) as Own;
    const { consumer } = own;
    return this.#run(own, (context) => consumer.receive?.(consumer.decode ? consumer.decode(payload) : payload, context));
  }

  async disconnect(code: number): Promise<void> {
    for (const own of this.#connected.values()) await this.#run(own, (context) => own.consumer.disconnect?.(context, code));
  }

  /** Runs one of a consumer's functions; what it did takes effect when it has ended, and not at all when it threw. */
  async #run(own: Own, call: Call): Promise<boolean> {
    const acts: (() => void)[] = [];
    own.running = acts;
    try {
      await call(own.context);
      for (const act of acts) act();
      return true;
    } catch (error) {
      const { stream } = own.context;
      this.#owner.parts.log.error({ err: error, stream }, `the consumer "${stream}" failed; what it sent is dropped`);
      return false;
    } finally {
      own.running = null;
    }
  }

  #own(stream: string, consumer: Consumer): Own {
    const { params = {}, query = new URLSearchParams() } = this.#arrival.connecting;
    const owner = this.#owner;
    const { gateway, log } = owner.parts;
    const act = (what: () => void): void => {
      if (own.running) own.running.push(what);
      else what(); // a timer, a subscription of the app's own: no function to wait for
    };
    const reply = (payload: Json): void => {
      const frame: PlainFrame = { type: 'message', stream, payload: encoded(consumer, payload) };
      act(() => {
        owner.box.send(frame);
        gateway.outgoing.touch();
      });
    };
    const send: ConsumerContext<unknown>['groups']['send'] = (group, payload, { others = false } = {}) => {
      const key = groupKey(group);
      const copy = jsonOf(payload);
      act(() => {
        gateway
          .send(key, copy, { stream, except: others ? owner.id : null })
          .catch((error: unknown) => log.error({ err: error, stream }, 'a message to a group could not be sent; it is dropped'));
      });
    };
    const context: ConsumerContext<unknown> = {
      get user() {
        return owner.user; // newer credentials may say otherwise of them
      },
      stream,
      params,
      query,
      state: {},
      reply,
      close: (code = 1000, reason = '') => {
        if (code !== 1000 && !(code >= 3000 && code <= 4999)) {
          throw new RowcastError('hook_invalid', `a consumer closes with 1000 or 3000 to 4999, not with ${code}`);
        }
        act(() => owner.close(code, reason));
      },
      groups: {
        add(group) {
          groupKey(group); // one that is none is the caller's mistake, now
          act(() => owner.join(group));
        },
        discard(group) {
          const key = groupKey(group);
          act(() => owner.leave(key));
        },
        send,
      },
    };
    const own: Own = { consumer, context, running: null };
    return own;
  }
}

interface Own {
  readonly consumer: Consumer;
  readonly context: ConsumerContext<unknown>;
  /** What the running function wants done; null: none is running. */
  running: (() => void)[] | null;
}
