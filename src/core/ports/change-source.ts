import type { Commit, Receipt } from '../change.ts';
import type { Position } from '../position.ts';
import type { Table } from '../table.ts';
import type { Row } from '../model.ts';
import type { ResetReason } from '../../protocol/index.ts';

/** A change the app itself reports: rows as `select()` gives them. Exactly as an insert (no `before`), an update, or a delete (no `after`). */
export interface Published {
  readonly table: Table;
  readonly before: Row | null;
  readonly after: Row | null;
}

/** Where a log begins, for whoever starts to read it, and why what was before it is not there any more. */
export interface Floor {
  readonly position: Position;
  readonly reason: ResetReason;
}

/** How a log stands for whoever reads it here. Null: not known, or there is no such thing. */
export interface LogStanding {
  /** What is counted: bytes of the database's log, or rows of a journal. */
  readonly unit: 'bytes' | 'rows';
  /** Between what has been read and the log's end. */
  readonly behind: number | null;
  /** What the database keeps of it for this reader. */
  readonly kept: number | null;
  /** What may still be written before it is cut off. */
  readonly room: number | null;
}

/**
 * A database's own log, read as commits.
 *
 * - **Order.** `read` yields every commit that touched a bound table, or carries a receipt, once, in commit order, in batches as they come;
 *   positions rise strictly. A rolled-back transaction, or a rolled-back savepoint, is nothing.
 * - **Images.** Every change has the row before (for update and delete) and after (for insert and update), whole, whoever wrote it. Values
 *   the log leaves out because they did not change are filled in from the image before.
 * - **Atomicity.** A commit is whole, never half. Where the log cannot tell transactions apart, one commit may hold several whole ones.
 * - **Start.** `read` goes on after `after`. Where the log cannot go on from there without a gap, its first commit says so in `lost`, for
 *   every table: never silently; rows that are read after that have in them all that was committed before it. One `read` at a time.
 * - **Floor.** `floor` is the earliest position that `read` can go on from without a gap: a process that starts reads from there, so that it
 *   knows again what was told before. Every commit after it that a snapshot may not show yet is read.
 * - **Acknowledge.** `acknowledge(p)` says that everything up to p is held elsewhere: the database may forget it, and a source may let it keep
 *   that for a while longer. Nothing else may be confirmed to the database. It never throws.
 * - **Back-pressure.** A consumer that does not ask for the next batch makes `read` stop reading, not grow.
 * - **End.** `read` ends when its signal aborts; it rejects when the log fails, and may then be called again.
 * - **Marks.** `mark` leaves a receipt in the log, and `publish` changes, each in a transaction of their own: they come back by `read`.
 */
export interface ChangeSource {
  /** Names this history: another value means that positions from before say nothing any more. */
  readonly epoch: string;
  /** The position that `read` would start after, right now. */
  tail(): Promise<Position>;
  floor(): Promise<Floor>;
  read(after: Position, signal: AbortSignal): AsyncIterable<readonly Commit[]>;
  acknowledge(position: Position): void;
  mark(receipt: Receipt): Promise<void>;
  publish(changes: readonly Published[], receipt: Receipt): Promise<void>;
  /** Asks the database how the log stands, for whoever watches. Left out: there is nothing to say. */
  standing?(): Promise<LogStanding>;
}
