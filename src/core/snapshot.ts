import type { Entry } from './entry.ts';
import type { Position } from './position.ts';

/**
 * One moment of a database, as rows were read from it, and which commits it shows: by position where whoever reads rows and whoever reads the
 * log see the same order, by transaction ids where they do not. A Postgres log runs ahead of what can be seen, and the order of commits in it
 * is not the order in which they become visible: joining by position there loses changes.
 *
 * `until`: every commit the snapshot shows stands in the log at or before it.
 */
export type Snapshot =
  | { readonly by: 'position'; readonly until: Position }
  | {
      readonly by: 'xid';
      readonly until: Position;
      /** All before it are shown. */
      readonly xmin: bigint;
      /** None from it on is shown. */
      readonly xmax: bigint;
      /** Those in between that were still running. */
      readonly running: ReadonlySet<bigint>;
    };

/** Whether rows read in this snapshot have this commit in them already. A commit without a transaction id is never taken for shown. */
export function shows(snapshot: Snapshot, { position, xid }: Pick<Entry, 'position' | 'xid'>): boolean {
  if (snapshot.by === 'position') return position <= snapshot.until;
  if (xid === null || position > snapshot.until) return false;
  const id = BigInt(xid);
  return id < snapshot.xmin || (id < snapshot.xmax && !snapshot.running.has(id));
}

/** A place in the log, and the highest transaction id at or before it; null: none had one. */
export interface Place {
  readonly position: Position;
  readonly highest: bigint | null;
}

/** Whether every commit at or before this place is shown: where the way back through the log ends. */
export function showsAll(snapshot: Snapshot, { position, highest }: Place): boolean {
  if (snapshot.by === 'position') return position <= snapshot.until;
  return highest === null || highest < snapshot.xmin;
}
