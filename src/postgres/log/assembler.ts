import { positionOf, type Change, type Commit, type Loss, type Receipt, type ResetReason, type Table } from '../../core/index.ts';
import type { TransactionBounds } from './bounds.ts';
import { widen } from './lsn.ts';
import { isSent, readMessage, type Message, type Reader } from './messages.ts';
import { PgoutputDecoder, type LogHandler } from './pgoutput.ts';

interface Open {
  xid: number;
  changes: Change[];
  receipts: Receipt[];
  sent: string[];
  lost: Map<Table, Loss['reason']>;
  bytes: number;
}

/** Puts the log's messages together into commits. What was delivered before, and what concerns no bound table, is dropped. */
export class Assembler implements LogHandler {
  readonly decoder: PgoutputDecoder;
  readonly #reader: Reader;
  readonly #bounds: TransactionBounds;
  readonly #after: bigint;
  readonly #hear: (content: string, at: bigint) => void;
  #xid: bigint;
  #open: Open | null = null;
  #commits: Commit[] = [];
  #bytes = 0;

  /**
   * @param start.after commits that end there or before are dropped: the server repeats what it cannot remember having been told
   * @param start.gap the log does not reach back to where it was left, only to there, and why: then all tables are lost there
   * @param start.xid a recent transaction number, whole
   * @param start.hear gets what processes send each other, and where it stands
   */
  constructor(
    reader: Reader,
    bounds: TransactionBounds,
    start: {
      readonly after: bigint;
      readonly gap: ResetReason | null;
      readonly xid: bigint;
      hear(content: string, at: bigint): void;
    },
  ) {
    const { after, gap, xid } = start;
    this.#hear = start.hear;
    const { tables } = reader;
    this.decoder = new PgoutputDecoder(tables, this);
    this.#reader = reader;
    this.#bounds = bounds;
    this.#after = after;
    this.#xid = xid;
    if (gap === null) return;
    const lost = tables.map((table): Loss => ({ table, reason: gap }));
    this.#commits.push({ position: positionOf(after), xid: null, receipts: [], changes: [], lost });
  }

  /** In the middle of a transaction. */
  get open(): boolean {
    return this.#open !== null;
  }

  /** How many bytes of the log the commits that wait to be taken took. */
  get bytes(): number {
    return this.#bytes;
  }

  get waiting(): boolean {
    return this.#commits.length > 0;
  }

  take(): readonly Commit[] {
    const taken = this.#commits;
    this.#commits = [];
    this.#bytes = 0;
    return taken;
  }

  begin(xid: number): void {
    this.#open = { xid, changes: [], receipts: [], sent: [], lost: new Map(), bytes: 0 };
  }

  change(change: Change, bytes: number): void {
    const open = this.#open as Open;
    open.bytes += bytes;
    open.changes.push(change);
    if (open.bytes <= this.#bounds.bytes && open.changes.length <= this.#bounds.rows) return;
    for (const { table } of open.changes) this.lost(table, 'bulk');
    open.changes = [];
    this.decoder.rows = false;
  }

  lost(table: Table, reason: Loss['reason']): void {
    const { lost } = this.#open as Open;
    if (!lost.has(table)) lost.set(table, reason);
  }

  message(message: Message): void {
    const open = this.#open as Open;
    if (isSent(message)) return void open.sent.push(message.content);
    const read = readMessage(message, this.#reader);
    if (!read) return;
    if ('receipt' in read) open.receipts.push(read.receipt);
    else if ('lost' in read) for (const { table, reason } of read.lost) this.lost(table, reason);
    else for (const change of read.changes) this.change(change, message.content.length / read.changes.length);
  }

  aside(message: Message): void {
    if (isSent(message)) this.#hear(message.content, message.at);
  }

  commit(end: bigint, time: number): void {
    const { xid, changes, receipts, sent, lost, bytes } = this.#open as Open;
    this.#open = null;
    const wide = widen(xid, this.#xid);
    if (wide > this.#xid) this.#xid = wide;
    for (const content of sent) this.#hear(content, end);
    if (end <= this.#after || (changes.length === 0 && receipts.length === 0 && lost.size === 0)) return;
    this.#commits.push({
      position: positionOf(end),
      xid: wide,
      time,
      receipts,
      changes,
      lost: Array.from(lost, ([table, reason]) => ({ table, reason })),
    });
    this.#bytes += bytes;
  }
}
