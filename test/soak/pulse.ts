/** A stretch in which a process should have had a turn, and had none. */
export interface HeldUp {
  /** Milliseconds, by `performance.now()` of the process that was held up. */
  readonly from: number;
  readonly until: number;
  /** Of them, on a processor: what it did itself. The rest it waited for one. */
  readonly busyMs: number;
}

const BEAT_MS = 250;
/** Who waits for a word from it would not yet mind. */
const LATE_MS = 1_000;

/** Beats, and tells where it came to beat too late: everything else in this process came too late as well. */
export class Pulse implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #cpu = process.cpuUsage();

  constructor(late: (heldUp: HeldUp) => void) {
    this.#timer = setInterval(() => {
      const [from, until] = [this.#last, performance.now()];
      const { user, system } = process.cpuUsage(this.#cpu);
      this.#last = until;
      this.#cpu = process.cpuUsage();
      if (until - from > BEAT_MS + LATE_MS) late({ from, until, busyMs: (user + system) / 1_000 });
    }, BEAT_MS);
    this.#timer.unref();
  }

  /** When it beat last: where it was held up before that has been told. */
  get last(): number {
    return this.#last;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Whether it was kept from running, by the machine or by a signal: its own work alone would have held up nobody, however long that took. */
export const starved = ({ busyMs }: HeldUp): boolean => busyMs < LATE_MS;
