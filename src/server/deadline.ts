import { RowcastError, type Clock } from '../core/index.ts';

/** What a hook of the app gives, if it gives it in time. @throws {RowcastError} `hook_invalid` when it does not. */
export async function within<T>(clock: Clock, ms: number, work: T | Promise<T>): Promise<T> {
  if (!(work instanceof Promise)) return work;
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
