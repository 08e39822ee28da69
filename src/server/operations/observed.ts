import type { Clock, Entry } from '../../core/index.ts';
import type { ResetReason } from '../../protocol/index.ts';
import { Counts } from './counts.ts';
import { commitEvent, events } from './events.ts';
import type { Traces } from './traces.ts';

/** What a gateway lets be known of what it does: numbers, events and traces, each for whoever wants them. */
export class Observed {
  readonly counts: Counts = new Counts();
  /** Null: nobody follows what became of a write. */
  readonly traces: Traces | null;
  readonly #clock: Clock;
  /** When the oldest of what is on its way to sockets was committed: ms since 1970; 0: nothing is. */
  #oldest = 0;

  constructor(clock: Clock, traces: Traces | null) {
    this.#clock = clock;
    this.traces = traces;
  }

  /** An entry has been given to all whom it concerns, and goes out in this turn's round of writing. */
  passed(entry: Entry): void {
    this.counts.passed++;
    if (this.#oldest === 0) this.#oldest = entry.time ?? 0;
    if (events.commit.hasSubscribers) events.commit.publish(commitEvent(entry));
    const gone = this.traces?.passed(entry);
    if (gone) this.#clock.soon(gone); // after that round
  }

  /** All that was on its way is at the sockets. `nobody`: none of it was anybody's. */
  sent(nobody: boolean): void {
    if (this.#oldest > 0 && !nobody) this.counts.reached(this.#clock.time() - this.#oldest);
    this.#oldest = 0;
  }

  /** A view of a connection has to be read again. */
  reset(stream: string, reason: ResetReason): void {
    this.counts.resets[reason]++;
    if (events.reset.hasSubscribers) events.reset.publish({ stream, reason });
  }
}
