import { RowcastError, type Clock } from '../../core/index.ts';

/** What a hook of the app gives, if it gives it in time. @throws {RowcastError} `hook_invalid` when it does not. */
export async function within<T>(clock: Clock, ms: number, work: T | PromiseLike<T>): Promise<T> {
  if (!isThenable(work)) return work;
  return before(work, (reject) => clock.after(ms, () => reject(new RowcastError('hook_invalid', `a hook did not answer within ${ms} ms`))));
}

/** What another process, or machine, answers. @throws {RowcastError} `source_unreachable` when it does not, in that time. */
export function inTime<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return before(work, (reject) => clock.after(ms, () => reject(new RowcastError('source_unreachable', `no answer within ${ms} ms`))));
}

/** What the app does inside a transaction: the same, and at once what is there at once. @throws {RowcastError} `hook_invalid`. */
export function bounded<T>(clock: Clock, ms: number, work: T | PromiseLike<T>): T | Promise<T> {
  return isThenable(work) ? within(clock, ms, work) : work;
}

/** The hooks of a batch took longer together than one alone may. */
export class OutOfTime extends Error {}

/** What the hooks of a batch may take together: as long as one alone, since rows can be locked meanwhile. */
export class Together {
  readonly #clock: Clock;
  readonly #ms: number;
  #end = 0;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  begin(): void {
    this.#end = this.#clock.now() + this.#ms;
  }

  /** What one of them gives: at once what is there at once. @throws {OutOfTime} */
  bounded<T>(work: T | PromiseLike<T>): T | Promise<T> {
    const left = this.#end - this.#clock.now();
    const late = (): OutOfTime => new OutOfTime(`the hooks of a batch took more than ${this.#ms} ms together`);
    if (isThenable(work)) return before(work, (reject) => this.#clock.after(Math.max(0, left), () => reject(late())));
    if (left <= 0) throw late();
    return work;
  }
}

async function before<T>(work: PromiseLike<T>, timed: (reject: (late: Error) => void) => { cancel(): void }): Promise<T> {
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => (timer = timed(reject)));
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

/** A query of an ORM is no Promise, and is awaited like one. */
function isThenable<T>(work: T | PromiseLike<T>): work is PromiseLike<T> {
  return typeof (work as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
