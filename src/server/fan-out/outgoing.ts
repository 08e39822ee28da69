import type { Clock, Log, Position } from '../../core/index.ts';
import type { Observed } from '../operations/observed.ts';
import { Outbox } from './outbox.ts';
import { Tick } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

export interface OutgoingParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly observed: Observed;
  /** Everything up to there has been pushed. */
  position(): Position;
  /** A connection does not keep up. */
  behind(this: void, box: Outbox<unknown>): void;
}

/** Connections that are written to before anything else has its turn. */
const SLICE = 1_000;

/**
 * When what was pushed to connections is written: at the end of the turn of the event loop in which it was, together with all that comes to the same
 * connection until then. The busier the process, the more that is.
 */
export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly #ticks = new WeakMap<Wire<unknown>, Tick<unknown>>();
  /** Those with something to flush. */
  readonly #full = new Set<Tick<unknown>>();
  #later: (() => void)[] = [];
  #scheduled = false;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  outbox<B>(wire: Wire<B>, transport: Transport<B>): Outbox<B> {
    let tick = this.#ticks.get(wire as Wire<unknown>) as Tick<B> | undefined;
    if (!tick) {
      const { clock, log, observed, position, behind } = this.#parts;
      const waits = (): void => {
        this.#full.add(tick as Tick<unknown>);
        this.touch();
      };
      tick = new Tick(wire, { clock, log, counts: observed.counts, position, behind, waits });
      this.#ticks.set(wire as Wire<unknown>, tick as Tick<unknown>);
    }
    return new Outbox(wire, transport, tick);
  }

  /** Something is on its way. */
  readonly touch = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.clock.soon(() => {
      this.#scheduled = false;
      this.#runLater();
      for (const tick of this.#full) if (!tick.flush(SLICE)) this.#full.delete(tick);
      if (this.#full.size > 0) this.touch();
      else this.#parts.observed.sent(false);
    });
  };

  /** When what is at hand has been passed on, or after so many milliseconds. */
  soon(then: () => void, ms = 0): void {
    if (ms > 0) return void this.#parts.clock.after(ms, () => this.soon(then));
    this.#later.push(then);
    this.touch();
  }

  /** All of it, now. */
  flush(): void {
    for (const tick of this.#full) {
      this.#full.delete(tick);
      tick.flush();
    }
  }

  /** All of it, where it is too much to be kept until the turn ends. Between two commits, never within one. */
  relieve(): void {
    for (const tick of this.#full) if (tick.isFull) this.flush();
  }

  /** The commits at hand have been pushed. */
  pushed(): void {
    if (!this.#scheduled) this.#parts.observed.sent(true);
  }

  /** One that fails must keep neither the others nor what is to be written. */
  #runLater(): void {
    for (const then of this.#later.splice(0)) {
      try {
        then();
      } catch (error) {
        this.#parts.log.error({ err: error }, 'what was put off failed; the rest goes on');
      }
    }
  }
}
