import { numberOf, ORIGIN, positionOf, type Answer, type Position, type Receipt, type ResetReason } from '../../src/core/index.ts';
import { after, EMPTY, History, type Put, type Tables } from './history.ts';
import { Rights } from './rights.ts';
import type { Timeline } from './timeline.ts';
import { Transaction, type Statement } from './transaction.ts';

/** One commit, as the log has it. */
export interface Logged {
  readonly position: Position;
  readonly xid: bigint;
  readonly receipts: readonly Receipt[];
  readonly statements: readonly Statement[];
}

/** What a reader sees: rows, and which transactions made them. */
export interface Moment {
  readonly tables: Tables;
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
  readonly until: Position;
}

/** From where the log may be read, and why not from before. */
export interface Slot {
  confirmed: Position;
  reason: ResetReason;
  /** What is left of `confirmed` after the database crashes. */
  stored: Position;
}

/**
 * A database server, made after Postgres where it matters here: transactions of several writers under row locks; ids given at the first write;
 * a log in the order of commits, which a reader of the log has before any reader of rows, because a commit may have to wait for a standby
 * before it can be seen; and a slot that says from where the log is kept. Its history is what everything else is judged by.
 */
export class SimDatabase {
  readonly timeline: Timeline;
  /** What the app allows by itself. */
  readonly rights = new Rights();
  readonly history = new History((user, blog) => this.rights.since(user, blog));
  /** The tables as they could be seen, one moment after the other: another order than that of the log. Its positions count, and no more. */
  readonly shown = new History((user, blog) => (this.rights.may(user, blog) ? ORIGIN : null));
  readonly log: Logged[] = [];
  readonly slots: Slot[] = [];
  epoch: string;
  secret: string;
  /** The outcomes of writes by their claim, as far as they can be seen. */
  readonly outcomes = new Map<string, { readonly hash: string; readonly answer: Answer }>();
  #visible: Tables = EMPTY;
  #insert = 100;
  #xid = 700n;
  #completed = 699n;
  #ids = 0;
  #versions = 0;
  #moments = 0;
  readonly #running = new Set<Transaction>();
  readonly #locks = new Map<string, Transaction>();
  #freed: (() => void)[] = [];
  #wakes = new Set<() => void>();
  #cuts = new Set<(error: Error) => void>();
  /** How long a commit waits before it can be seen. */
  standby: () => number = () => 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.epoch = timeline.random.name();
    this.secret = timeline.random.name();
  }

  /** From here on the log is kept for somebody. */
  openSlot(): Slot {
    const slot: Slot = { confirmed: this.tail, stored: this.tail, reason: 'retention' };
    this.slots.push(slot);
    return slot;
  }

  get visible(): Tables {
    return this.#visible;
  }

  /** Where the log ends. */
  get tail(): Position {
    return positionOf(this.#insert);
  }

  /** All commits up to there can be seen by whoever looks. */
  get seenUpTo(): Position {
    const unseen = [...this.#running].flatMap(({ position }) => (position === null ? [] : [position])).sort()[0];
    return unseen === undefined ? this.tail : positionOf(numberOf(unseen) - 1n);
  }

  nextId(): number {
    return ++this.#ids;
  }

  /** A text that no other version of a row has, so that it can be told wherever it turns up. */
  nextTitle(): string {
    return `«${++this.#versions}»`;
  }

  nextXid(transaction: Transaction): bigint {
    this.#running.add(transaction);
    return this.#xid++;
  }

  begin(): Transaction {
    return new Transaction(this);
  }

  snapshot(): Moment {
    const xmax = this.#completed + 1n;
    const running = new Set([...this.#running].flatMap(({ xid }) => (xid !== null && xid < xmax ? [xid] : [])));
    let xmin = xmax;
    for (const xid of running) if (xid < xmin) xmin = xid;
    // The log is written by others too: where it stands is not where a commit stands.
    this.#insert += this.timeline.random.below(3);
    return { tables: this.#visible, xmin, xmax, running, until: this.tail };
  }

  /** False: somebody else has it. */
  tryLock(name: string, transaction: Transaction): boolean {
    const holder = this.#locks.get(name);
    if (holder && holder !== transaction) return false;
    this.#locks.set(name, transaction);
    return true;
  }

  locked(prefix: string, but: Transaction): boolean {
    for (const [name, holder] of this.#locks) if (holder !== but && name.startsWith(prefix)) return true;
    return false;
  }

  /** Resolves when some transaction has ended. */
  freed(): Promise<void> {
    return new Promise((resolve) => this.#freed.push(resolve));
  }

  /** Writes the commit into the log. It can be seen, and its locks are free, when `seen` is called. */
  commit(transaction: Transaction, receipts: readonly Receipt[]): Position {
    this.#insert += this.timeline.random.between(1, 4);
    const position = this.tail;
    const { xid, statements } = transaction;
    this.history.commit(position, after(this.history.tables, puts(statements)));
    this.log.push({ position, xid: xid as bigint, receipts, statements });
    for (const wake of [...this.#wakes]) wake();
    return position;
  }

  /** Everybody who looks sees it from now on. */
  seen(transaction: Transaction): void {
    this.#visible = after(this.#visible, puts(transaction.statements));
    this.shown.commit(positionOf(++this.#moments), this.#visible);
    this.ended(transaction);
  }

  ended(transaction: Transaction): void {
    const { xid } = transaction;
    if (xid !== null && xid > this.#completed) this.#completed = xid;
    this.#running.delete(transaction);
    for (const [name, holder] of this.#locks) if (holder === transaction) this.#locks.delete(name);
    for (const free of this.#freed.splice(0)) free();
  }

  /** Hears of every commit that is written into the log. */
  listen(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  }

  /** Hears when its connection is cut. */
  connected(cut: (error: Error) => void): () => void {
    this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }

  /** Every connection, or some of them, ends. */
  cut(every: boolean): void {
    for (const cut of [...this.#cuts])
      if (every || this.timeline.random.chance(0.5)) cut(new Error('the connection to the database was cut'));
  }

  /** What had not been written into the log is undone, what had been is there; what was confirmed to it lately it does not know any more. */
  crash(): void {
    this.cut(true);
    for (const transaction of [...this.#running]) transaction.crash();
    for (const slot of this.slots) slot.confirmed = slot.stored;
  }

  /** Somebody drops the slot, or the server gives it up: the log before now is gone for us. */
  loseSlot(slot: Slot, reason: ResetReason): void {
    slot.confirmed = slot.stored = this.tail;
    slot.reason = reason;
    this.cut(true);
  }

  /** The log after a position, as far as it is there. */
  after(position: Position): readonly Logged[] {
    let at = this.log.length;
    while (at > 0 && (this.log[at - 1] as Logged).position > position) at--;
    return this.log.slice(at);
  }
}

function puts(statements: readonly Statement[]): readonly Put[] {
  return statements.flatMap((statement): readonly Put[] => {
    const { table } = statement;
    if (statement.kind === 'truncate') return statement.ids.map((id) => ({ table, id, row: null }));
    const { before, after } = statement;
    const gone = before && before['id'] !== after?.['id'] ? [{ table, id: Number(before['id']), row: null }] : [];
    return after ? [...gone, { table, id: Number(after['id']), row: after }] : gone;
  });
}
