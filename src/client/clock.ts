/** Time, so that a test can hold it: `now` in milliseconds, never going back; a timer that has been cancelled never fires. */
export interface ClientClock {
  now(): number;
  after(ms: number, fire: () => void): { cancel(): void };
}

export const systemClock: ClientClock = {
  now: () => performance.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
