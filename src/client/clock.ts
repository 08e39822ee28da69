/**
 * Time, so that a test can hold it: `now` in milliseconds, in which a computer's sleep counts; it may be set back. A timer that has been
 * cancelled never fires.
 */
export interface ClientClock {
  now(): number;
  after(ms: number, fire: () => void): { cancel(): void };
}

export const systemClock: ClientClock = {
  now: () => Date.now(), // performance.now() stands still while a computer sleeps
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
