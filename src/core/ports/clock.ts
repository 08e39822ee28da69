/**
 * Time, identity and randomness, so that a test can hold them. `now` is milliseconds of a clock that never goes back (not the time of day);
 * `id` is unguessable, 22 of `A-Z a-z 0-9 _ -`; a timer that has been cancelled never fires.
 */
export interface Clock {
  now(): number;
  /** Milliseconds since 1970: the time of day, for what other processes and other days have to agree on. */
  time(): number;
  id(): string;
  /** In a turn of its own, after what has come in by now. */
  soon(fire: () => void): void;
  after(ms: number, fire: () => void): { cancel(): void };
}
