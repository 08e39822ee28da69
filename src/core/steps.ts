/** Work that may be long, in steps of a few milliseconds: whoever takes the next one may let others run before. */
export type Steps<T> = Generator<void, T, undefined>;

/** Changes that are dealt with in one step. */
export const STEP = 2_000;

/** All of them, one after the other. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
