import type { Clock } from '../../core/index.ts';

/** Sleeps until it is woken, or for a while. A call while it is awake counts for the next sleep. */
export class Waker {
  readonly #clock: Clock;
  #woken = false;
  #resolve: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** @returns whether it was woken. */
  async sleep(ms: number): Promise<boolean> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(ms, resolve);
        this.#resolve = () => {
          timer.cancel();
          resolve();
        };
      });
      this.#resolve = null;
    }
    const woken = this.#woken;
    this.#woken = false;
    return woken;
  }
}
