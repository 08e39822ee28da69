import type { Entry } from '../entry.ts';
import type { Position } from '../position.ts';

/**
 * Ordered entries: the one wall between the relay, which appends, and the gateways, which follow.
 *
 * Order: `append` takes entries that follow one another by `prev`, and takes them iff its tail is the first one's `prev`; otherwise it takes
 * none and rejects with `ledger_conflict`. Every follower gets every entry after the position it names, once, in order, in batches as they
 * come. Atomicity: the entries of one call are seen all or none.
 * Back-pressure: `append` may wait for room; a follower that stops reading makes it wait, never grow. `follow` ends when its signal aborts.
 * A position that was never the tail of this ledger, or whose next entry is gone, makes `follow` reject with `ledger_conflict`.
 */
export interface Ledger {
  tail(): Promise<Position>;
  append(entries: readonly Entry[]): Promise<void>;
  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]>;
}
