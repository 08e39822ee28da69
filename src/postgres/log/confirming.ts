import { numberOf, positionOf, type Clock, type Commit, type Log, type Position } from '../../core/index.ts';
import { rememberConfirmed, type Confirmed } from './remembered.ts';
import type { SlotName } from './slot.ts';
import { isVisible, visibleIn } from '../tables/snapshot.ts';
import type { Sql } from '../connection/sql.ts';

/** How much of the log the server keeps behind what has been read: whichever comes first. */
export interface ConfirmAfter {
  /** Milliseconds. */
  readonly ms: number;
  readonly bytes: number;
}

/** 30 s, 64 MiB. */
export const CONFIRM_AFTER: ConfirmAfter = { ms: 30_000, bytes: 64 * 1024 * 1024 };

export interface ConfirmingParts {
  readonly sql: Sql;
  readonly slot: SlotName;
  readonly after: ConfirmAfter;
  readonly clock: Clock;
  readonly log: Log;
}

/** A reading of the log: how far it is, and the way to tell the server. */
export interface Telling {
  /** Everything up to there has come, is held elsewhere, or concerns nobody; 0: something is on its way. */
  passed(): bigint;
  tell(): void;
}

/** A commit that has been given out, and may not be visible yet. */
interface Unseen {
  /** The end of the commit before it. */
  readonly before: bigint;
  readonly xid: bigint;
  /** Stands for many: none of them may be taken for visible before all older ones are. */
  readonly many: boolean;
}

/** A log that nothing of ours is in is let go of in such steps: writing that down is a little log, too. */
const IDLE_BYTES = 1024n * 1024n;
const LEAST_MS = 250;
const MOST_UNSEEN = 50_000;

/**
 * When the server may forget the log: late, so that a process that starts again can read what it knew before. Nothing is confirmed that is
 * not held elsewhere, that a query might not show yet, or that is not written down as confirmed.
 */
export class Confirming {
  readonly #parts: ConfirmingParts;
  #acknowledged = 0n;
  #delivered = 0n;
  #confirmed = 0n;
  #passed = 0n;
  #places: { readonly position: bigint; readonly at: number }[] = [];
  #unseen: Unseen[] = [];
  #telling: Telling | null = null;
  #timer: { cancel(): void } | null = null;
  #working = false;
  #failing = false;

  constructor(parts: ConfirmingParts, confirmed: Confirmed | null) {
    this.#parts = parts;
    if (!confirmed) return;
    this.#confirmed = this.#acknowledged = numberOf(confirmed.position);
    this.#delivered = numberOf(confirmed.delivered);
  }

  /** The server was told, or may have been told, to forget everything up to here. */
  get confirmed(): bigint {
    return this.#confirmed;
  }

  /** Up to here there was nothing of ours after the last commit that was given out. */
  get passed(): bigint {
    return this.#confirmed > this.#passed ? this.#confirmed : this.#passed;
  }

  /** The last commit that was given out. */
  get delivered(): bigint {
    return this.#delivered;
  }

  /** Everything that was given out is held elsewhere. */
  get isHeld(): boolean {
    return this.#acknowledged >= this.#delivered;
  }

  /** The same reading, by another slot. */
  to(slot: SlotName, after: ConfirmAfter): Confirming {
    const moved = new Confirming({ ...this.#parts, slot, after }, null);
    moved.#acknowledged = this.#acknowledged;
    moved.#delivered = this.#delivered;
    moved.#passed = this.passed;
    moved.#unseen = this.#unseen;
    return moved;
  }

  /** The slot begins there, which may be past everything known of it. */
  async begin(position: bigint): Promise<void> {
    if (position <= this.#confirmed) return;
    if (position > this.passed && position > this.#delivered) this.#acknowledged = this.#delivered = position;
    this.#places = [];
    await this.#remember(position);
  }

  start(telling: Telling): void {
    this.#telling = telling;
    const { clock, after } = this.#parts;
    const again = (): void => {
      this.#timer = clock.after(Math.max(LEAST_MS, after.ms / 4), () => {
        this.#work();
        again();
      });
    };
    again();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#telling = null;
  }

  gave(commits: readonly Commit[]): void {
    for (const { position, xid } of commits) {
      if (xid !== null) this.#unseen.push({ before: this.#delivered, xid, many: false });
      this.#delivered = numberOf(position);
    }
    if (this.#unseen.length <= MOST_UNSEEN) return;
    const highest = this.#unseen.reduce((most, { xid }) => (xid > most ? xid : most), 0n);
    this.#unseen = [{ before: (this.#unseen[0] as Unseen).before, xid: highest, many: true }];
  }

  acknowledge(position: Position): void {
    const reached = numberOf(position);
    if (reached <= this.#acknowledged) return;
    this.#acknowledged = reached;
    if (reached - this.#last >= BigInt(this.#parts.after.bytes) / 4n) this.#work();
  }

  get #last(): bigint {
    return this.#places.at(-1)?.position ?? this.#confirmed;
  }

  #work(): void {
    if (this.#working || !this.#telling) return;
    this.#working = true;
    this.#round(this.#telling.passed())
      .then(() => (this.#failing = false))
      .catch((error: unknown) => {
        if (!this.#failing && this.#telling)
          this.#parts.log.error({ err: error }, 'how far the log was read cannot be written down: the server keeps all of it');
        this.#failing = true;
      })
      .finally(() => (this.#working = false));
  }

  async #round(passed: bigint): Promise<void> {
    if (passed > this.#passed) this.#passed = passed;
    const { after, clock } = this.#parts;
    const last = this.#last;
    if (this.#acknowledged > last || passed - last >= IDLE_BYTES) {
      const at = clock.now();
      const position = await this.#shown(passed > this.#acknowledged ? passed : this.#acknowledged);
      if (position > last) this.#places.push({ position, at });
    }
    const now = clock.now();
    const due = this.#places.findLast(({ position, at }) => now - at >= after.ms || this.#last - position >= after.bytes);
    if (!due) return;
    this.#places = this.#places.filter(({ position }) => position > due.position);
    await this.#remember(due.position);
    this.#telling?.tell();
  }

  /** As far as everything that was given out can be seen: a process that starts now takes its rows by what can be seen. */
  async #shown(reached: bigint): Promise<bigint> {
    if (this.#unseen.length === 0) return reached;
    const [row] = await this.#parts.sql.query('SELECT pg_current_snapshot()');
    const visible = visibleIn(row?.[0] ?? '');
    this.#unseen = this.#unseen.filter(({ xid, many }) => (many ? xid >= visible.xmin : !isVisible(visible, xid)));
    const before = this.#unseen[0]?.before ?? reached;
    return before < reached ? before : reached;
  }

  async #remember(position: bigint): Promise<void> {
    const { sql, slot } = this.#parts;
    const delivered = this.#delivered < position ? this.#delivered : position;
    if (!slot.temporary) await rememberConfirmed(sql, slot.name, { position: positionOf(position), delivered: positionOf(delivered) });
    this.#confirmed = position;
  }
}
