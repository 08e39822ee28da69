import type { Clock } from '../../core/index.ts';

/** Does something every so many milliseconds, until the signal aborts. */
export function every(clock: Clock, ms: number, { signal, act }: { readonly signal: AbortSignal; act(): void }): void {
  let timer: { cancel(): void };
  const again = (): void => {
    timer = clock.after(ms, () => {
      act();
      if (!signal.aborted) again();
    });
  };
  again();
  signal.addEventListener('abort', () => timer.cancel(), { once: true });
}
