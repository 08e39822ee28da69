import type { Entry } from '../entry.ts';
import type { Position } from '../position.ts';

/**
 * Ordered entries, kept for a while: storage, replay and fan-out in one, and the one wall between the relay, which appends, and the
 * gateways, which follow.
 *
 * - **Order.** `append` takes entries that follow one another by `prev`, and takes them iff its tail is the first one's `prev` and the term is
 *   the current one; otherwise it takes none and rejects, with `ledger_fenced` for the term, whatever the tail, and `ledger_conflict` for the tail.
 * - **Terms.** `lead` begins a new term and gives its number, greater than all before and than 0, and at least `least`, which outlives a ledger
 *   that is lost. From then on nothing is appended under an older one: a relay that was frozen while another took over can add nothing when it
 *   wakes. Before the first term nobody can. A ledger that holds nothing any more, or never did, begins at `start`.
 * - **Atomicity.** The entries of one call are seen all or none: who has got one of them finds the tail at the last, or beyond it.
 * - **Bounds.** The oldest entries go when there are too many, by count, bytes or age; by count and bytes never the newest, however large.
 *   `floor` is the position of the last one that went, or where the ledger began; it never falls, and never passes the tail. An empty ledger
 *   has both.
 * - **Replay.** `follow(after)` gives every entry after the position, once, in order, in batches: those that are kept, then those to come, with
 *   nothing lost between. It starts at once, not when first read. A position need not be an entry's, and may be past the tail: entries at or
 *   before it are not given, and the first one given has a `prev` at or before it. What was given has no hole: a position before the floor makes
 *   the first read reject with `ledger_gap`, and so does whatever went before a slow reader has had it.
 * - **Loss.** A ledger outside this process may lose its last entries, or all, and take other ones, or the same again: entries are the same
 *   whoever appends them, so whoever had them goes on after its own position as if nothing had happened, and one that cannot has a gap. Nobody
 *   is given one twice.
 * - **Back-pressure.** A follower that stops reading holds up nobody: what it has not read is what the ledger keeps.
 * - **End.** `follow` ends when its signal aborts, whatever it waits for, and may be left at any yield.
 */
export interface Ledger {
  floor(): Promise<Position>;
  tail(): Promise<Position>;
  lead(least?: number, start?: Position): Promise<number>;
  append(entries: readonly Entry[], term: number): Promise<void>;
  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]>;
}

/** How much a ledger keeps. The oldest go first, at whichever bound is reached. */
export interface LedgerBounds {
  readonly entries: number;
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}
