import { freshReceipt, RowcastError, type ChangeSource, type Clock, type Log, type Position } from '../../core/index.ts';
import type { Gateway } from '../fan-out/gateway.ts';

export interface ReachParts {
  readonly gateway: Gateway;
  readonly source: ChangeSource;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Resolves when everything up to the position has been passed on; rejects with `closed` when nobody waits any more, and with `source_lost` when a
 * mark that was left since then came before that place did: this log never had it.
 */
export type Reach = (position: Position, signal: AbortSignal) => Promise<void>;

/** A mark is left in an idle log for whoever waits for it to come to a place, after so many ms; the next after twice as many. */
const NUDGE = 10;
/** … and another one, when nothing was heard of it for so many ms. */
const MARKED = 1_000;

/**
 * An idle log may never say by itself that it has come to a place: a mark is left in it, one at a time for all who wait.
 *
 * @param closed nobody waits any more, for anything
 */
export function reaching({ gateway, source, clock, log }: ReachParts, closed: AbortSignal): Reach {
  let marking: Promise<void> | null = null;
  /** How many marks have been left, and the last of these that was passed on. */
  let [left, passed] = [0, 0];
  // It counts once it is in the log; whoever left it may hear so much later, or never.
  const mark = (): Promise<void> =>
    (marking ??= new Promise<void>((resolve) => {
      const receipt = freshReceipt(clock);
      const number = ++left;
      const mark = gateway.passed(receipt);
      const again = clock.after(MARKED, () => (mark.forget(), resolve()));
      mark.done.then(
        () => ((passed = number), again.cancel(), resolve()),
        () => undefined, // the log lost it: another one is left
      );
      source.mark(receipt).catch((error: unknown) => {
        if (!closed.aborted) log.warn({ err: error }, 'a mark could not be left in the log; trying again');
      });
    }).finally(() => (marking = null)));
  return async (position, signal) => {
    const reached = gateway.reached(position);
    if (!reached) return;
    let timer: { cancel(): void } | null = null;
    let waiting = true;
    let end = (): void => undefined;
    let never = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      end = () => reject(new RowcastError('closed', 'nobody waits any more'));
      never = () => reject(new RowcastError('source_lost', `the log has gone on without coming to ${position}: it is of another history`));
    });
    const since = left;
    const nudge = (wait: number): void => {
      if (!waiting) return;
      if (passed > since && gateway.position < position) return never();
      timer = clock.after(wait, () => void mark().then(() => nudge(Math.min(wait * 2, MARKED))));
    };
    nudge(NUDGE);
    for (const each of [signal, closed]) each.addEventListener('abort', end, { once: true });
    if (signal.aborted || closed.aborted) end();
    try {
      await Promise.race([reached.done, aborted]);
    } finally {
      for (const each of [signal, closed]) each.removeEventListener('abort', end);
      waiting = false;
      (timer as { cancel(): void } | null)?.cancel();
      reached.forget();
    }
  };
}
