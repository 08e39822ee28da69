import type { Clock } from './ports/clock.ts';
import type { Answer, ResetReason } from '../protocol/index.ts';
import type { Image } from './model.ts';
import type { Position } from './position.ts';
import type { Table } from './table.ts';

/** One row's images around a statement (as a source gives it) or around a whole commit (folded). Never both null. */
export interface Change {
  readonly table: Table;
  readonly before: Image | null;
  readonly after: Image | null;
}

/** Which write of which client a commit carries: left in the log inside the write's own transaction. */
export interface Receipt {
  readonly client: string;
  readonly write: number;
  /** The answer the write was given: so it can go out before the commit's own frame, whichever process reads the log first. */
  readonly answer?: Answer;
  /** What was asked, digested, as in the claim: the answer is for who asked this. */
  readonly hash?: string;
  /** From this commit on nothing more goes to these: the receipt is not a write's, but of `live.revoke(…)`. */
  readonly revokes?: Revocation;
}

/** A receipt that is nobody's write: by which a mark in the log is known when it comes. */
export function freshReceipt(clock: Pick<Clock, 'id'>): Receipt {
  return { client: clock.id(), write: 1 };
}

/** Whose connections end: all of a user's, by the principal, or one. */
export type Revocation = { readonly user: string } | { readonly session: string };

/** What became visible at once. */
export interface Commit {
  readonly position: Position;
  /** The database's own number for the transaction, 64 bits, where it has one. */
  readonly xid: bigint | null;
  /** When it was committed, by the database's clock: ms since 1970, where the log says so. */
  readonly time?: number | undefined;
  readonly receipts: readonly Receipt[];
  /** In the order of the log. */
  readonly changes: readonly Change[];
  /** Tables of which the log cannot tell the rows: emptied at a stroke, or changed out of sight. */
  readonly lost: readonly Loss[];
}

export interface Loss {
  readonly table: Table;
  readonly reason: ResetReason;
}
