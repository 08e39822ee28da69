import { freshReceipt, type ChangeSource, type Clock, type Log, type Receipt } from '../../core/index.ts';
import type { ReachParts } from './reach.ts';

/** Between two tries to leave a mark, ms. */
const AGAIN = 1_000;

interface MarkParts {
  readonly source: ChangeSource;
  readonly clock: Clock;
  readonly log: Log;
}

/** Leaves a mark in the log, however long it takes. */
export function leftMark(parts: MarkParts, receipt: Receipt, signal: AbortSignal): void {
  const { source, clock, log } = parts;
  source.mark(receipt).catch((error: unknown) => {
    if (signal.aborted) return;
    log.warn({ err: error }, 'a mark could not be left in the log; trying again');
    clock.after(AGAIN, () => leftMark(parts, receipt, signal));
  });
}

/**
 * What to do when entries are missing: nobody knows which transactions stood in them, only that all of them were begun before one that begins now.
 * A mark is left, and rows are not gone on from before they have all that is older than it.
 */
export function sealing({ gateway, source, clock, log }: ReachParts, signal: AbortSignal): () => void {
  return () => {
    const receipt = freshReceipt(clock);
    gateway.sealedBy(receipt);
    leftMark({ source, clock, log }, receipt, signal);
  };
}
