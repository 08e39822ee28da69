import { Waker, type Bus, type BrokerOptions, type GroupMessage, type Ledger, type OpenBroker } from '../core/index.ts';
import { Host } from './host.ts';
import { lost, type Link, type LinkEvents } from './link.ts';
import type { Place } from './place.ts';
import { Nobody, Remote } from './remote.ts';

/** Between two tries to reach whoever keeps the ledger, or to be that one: doubled, and never the same for two. */
const FIRST_WAIT = 5; // ms
const LAST_WAIT = 1_000; // ms
/** Failures at the start that are not the start's own. */
const TRIES = 5;

/** One process of several: has the ledger itself, or reaches it, or looks for it. */
export class Sibling implements OpenBroker {
  readonly ledger: Ledger;
  readonly bus: Bus;
  readonly #place: Place;
  readonly #options: BrokerOptions;
  readonly #listeners = new Set<(message: GroupMessage) => void>();
  #link: Link | null = null;
  #isClosed = false;
  #seeking: Promise<void> = Promise.resolve();
  readonly #waker: Waker;

  static async open(place: Place, options: BrokerOptions): Promise<Sibling> {
    const sibling = new Sibling(place, options);
    await place.prepare();
    // One may end just as it is asked.
    let failures = 0;
    await sibling.#seek((error) => {
      if (++failures === TRIES) throw error;
    });
    return sibling;
  }

  private constructor(place: Place, options: BrokerOptions) {
    this.#place = place;
    this.#options = options;
    this.#waker = new Waker(options.clock);
    this.ledger = {
      floor: async () => this.#linked().ledger.floor(),
      tail: async () => this.#linked().ledger.tail(),
      lead: async (least, start) => this.#linked().ledger.lead(least, start),
      append: async (entries, term) => this.#linked().ledger.append(entries, term),
      follow: (after, signal) => this.#link?.ledger.follow(after, signal) ?? unread(signal),
    };
    this.bus = {
      send: async (message) => this.#linked().send(message),
      listen: (hear) => {
        // Its own, though one function listened twice.
        const listener = (message: GroupMessage): void => hear(message);
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waker.wake();
    await this.#seeking;
    await this.#link?.close();
    this.#link = null;
    this.#listeners.clear();
  }

  #linked(): Link {
    return this.#link ?? nobody();
  }

  /** Until there is a link. */
  async #seek(failed: (error: unknown) => void): Promise<void> {
    for (let wait = FIRST_WAIT; !this.#isClosed; wait = Math.min(2 * wait, LAST_WAIT)) {
      try {
        this.#link = await this.#find();
        if (this.#link) return;
      } catch (error) {
        failed(error);
      }
      await this.#waker.sleep(wait / 2 + Math.random() * wait);
    }
  }

  async #find(): Promise<Link | null> {
    const seen = await this.#place.look();
    const parts = { options: this.#options, events: this.#events() };
    if (seen !== null) {
      try {
        return await Remote.connect(this.#place.path, parts);
      } catch (error) {
        if (!(error instanceof Nobody)) throw error;
      }
    }
    return Host.claim(this.#place, seen, parts);
  }

  #events(): LinkEvents {
    return {
      heard: (message) => {
        for (const listener of this.#listeners) {
          try {
            listener(message);
          } catch (error) {
            this.#options.log.error({ err: error }, 'siblings: a listener failed at a message');
          }
        }
      },
      lost: (why) => {
        this.#link = null;
        if (this.#isClosed) return;
        this.#options.log.warn({ path: this.#place.path }, `siblings: ${why}`);
        let said = '';
        this.#seeking = this.#seek((error) => {
          if (said === String(error)) return;
          said = String(error);
          this.#options.log.warn({ err: error }, 'siblings: the ledger cannot be reached; trying again');
        });
      },
    };
  }
}

function nobody(): never {
  throw lost('nobody keeps the ledger at this moment');
}

/** Whose first read says that nobody is there. */
function unread(signal: AbortSignal): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: async () => (signal.aborted ? { done: true, value: undefined } : nobody()) }) };
}
