import type { Clock, Log } from '../../core/index.ts';
import type { Outbox } from './outbox.ts';

/** How often those who were behind are looked at, ms. */
const LOOK = 50;

export interface SlowParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Gives whether it still does not keep up. */
  look(box: Outbox<unknown>, now: number): boolean;
}

/** Connections that cannot take all that there is for them just now: each is looked at from time to time, until it can. */
export class Slow {
  readonly #parts: SlowParts;
  readonly #boxes = new Set<Outbox<unknown>>();
  #looking = false;

  constructor(parts: SlowParts) {
    this.#parts = parts;
  }

  /** It is looked at from now on. */
  readonly add = (box: Outbox<unknown>): void => {
    this.#boxes.add(box);
    if (this.#looking) return;
    this.#looking = true;
    this.#parts.clock.after(LOOK, () => {
      this.#looking = false;
      const now = this.#parts.clock.now();
      const slow = [...this.#boxes];
      this.#boxes.clear();
      for (const each of slow) if (each.open && this.#look(each, now)) this.add(each);
    });
  };

  forget(box: Outbox<unknown>): void {
    this.#boxes.delete(box);
  }

  /** A transport of the app's own that fails must not keep the others from being looked at. */
  #look(box: Outbox<unknown>, now: number): boolean {
    try {
      return this.#parts.look(box, now);
    } catch (error) {
      this.#parts.log.error({ err: error, wire: box.wire.name }, 'a door failed; its connection is closed');
      box.end('overloaded', 'come back');
      return false;
    }
  }
}
