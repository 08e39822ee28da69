import type { Receipt } from './change.ts';
import type { MemberChange } from './membership.ts';
import type { Position } from './position.ts';
import type { ResetReason } from '../protocol/index.ts';

/**
 * What the ledger keeps: a commit, routed. Names and texts only, so that it can be stored and read by another process. No deliveries, no
 * resets, no receipts and no members: no entry, but for those that say by which bindings the log is read.
 */
export interface Entry {
  readonly position: Position;
  /** The position of the entry before: a reader whose own last position differs has a gap. */
  readonly prev: Position;
  readonly xid: string | null;
  /** When it was committed, or at least read: ms since 1970. For measuring alone. */
  readonly time?: number | undefined;
  readonly receipts: readonly Receipt[];
  readonly deliveries: readonly Delivery[];
  readonly resets: readonly Reset[];
  /** Rows of join tables: who may see what, from this commit on. */
  readonly members: readonly MemberChange[];
  /**
   * Which bindings everything after `prev`, up to here, was routed by, what is in no entry included: a digest of `versions`. Left out: those of
   * who reads it.
   */
  readonly version?: string;
  /** What that is a digest of, now and then: each stream's fingerprint by its name, and the names of memberships. */
  readonly versions?: Versions;
  /** The log could not be read on without a gap: what is not here may be anything, a revocation among it. */
  readonly gap?: true;
}

export type Versions = Readonly<Record<string, string>>;

/** One folded change, as one stream has it. */
export interface Delivery {
  readonly stream: string;
  /** The row's key, as JSON text. */
  readonly key: string;
  /** The groups that saw the row before; null when there was no row. */
  readonly before: readonly string[] | null;
  /** The groups that see it now; null when it is gone. */
  readonly after: readonly string[] | null;
  /** The whitelisted fields as JSON text: of the row as it is now, or as it was when it is gone. */
  readonly fields: string;
}

/** The viewers of a stream must read it again: what happened cannot be told row by row. */
export interface Reset {
  readonly stream: string;
  readonly reason: ResetReason;
}

/** About how many bytes an entry takes, in memory and on its way. */
export function sizeOf({ receipts, deliveries, members }: Entry): number {
  let size = 200 + 200 * (receipts.length + members.length);
  for (const { key, fields } of deliveries) size += 150 + key.length + fields.length;
  return size;
}
