/**
 * Time, identity and randomness, so that a test can hold them. `now` is milliseconds of a clock that never goes back (not the time of day);
 * `id` is unguessable, 22 of `A-Z a-z 0-9 _ -`; a timer that has been cancelled never fires.
 */
export interface Clock {
  now(): number;
  id(): string;
  after(ms: number, fire: () => void): { cancel(): void };
}
