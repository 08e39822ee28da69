import type { Clock } from './ports/clock.ts';

/** Resolves after so many milliseconds, or once the signal has aborted. Leaves nothing behind at either. */
export function pause(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const timer = clock.after(ms, over);
    signal?.addEventListener('abort', over, { once: true });
  });
}

/** Sleeps until it is woken, or for a while. A call while it is awake counts for the next sleep. */
export class Waker {
  readonly #clock: Pick<Clock, 'after'>;
  #woken = false;
  #resolve: (() => void) | null = null;

  constructor(clock: Pick<Clock, 'after'>) {
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
