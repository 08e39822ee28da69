import { RowcastError, type Clock } from '../core/index.ts';

/** What a hook of the app gives, if it gives it in time. @throws {RowcastError} `hook_invalid` when it does not. */
export async function within<T>(clock: Clock, ms: number, work: T | PromiseLike<T>): Promise<T> {
  if (!isThenable(work)) return work;
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = clock.after(ms, () => reject(new RowcastError('hook_invalid', `a hook did not answer within ${ms} ms`)));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

/** What the app does inside a transaction: the same, and at once what is there at once. @throws {RowcastError} `hook_invalid`. */
export function bounded<T>(clock: Clock, ms: number, work: T | PromiseLike<T>): T | Promise<T> {
  return isThenable(work) ? within(clock, ms, work) : work;
}

/** A query of an ORM is no Promise, and is awaited like one. */
function isThenable<T>(work: T | PromiseLike<T>): work is PromiseLike<T> {
  return typeof (work as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
