import type { Position, Snapshot } from '../../core/index.ts';
import { isMembership } from '../bindings/versions.ts';

interface Absence {
  /** Null: it goes on. */
  readonly end: Position | null;
  /** Whatever was not told is older than this transaction; null: transactions do not tell here. */
  readonly sealed: bigint | null;
}

/** Streams, and memberships, of which a stretch was not told here: nothing is gone on from before its end. */
export class Away {
  readonly #absences = new Map<string, Absence>();

  /** From here on. */
  leave(name: string): void {
    this.#absences.set(name, { end: null, sealed: null });
  }

  /** Up to there, and whatever was not told is older than this transaction. */
  return(name: string, absence: { readonly end: Position; readonly sealed: bigint | null }): void {
    this.#absences.set(name, absence);
  }

  /** Whether something may have happened after the position that was not told, and that these rows do not have. */
  lost(name: string, after: Position, seen: Snapshot | null): boolean {
    const absence = this.#absences.get(name);
    if (!absence) return false;
    const { end, sealed } = absence;
    if (end === null) return true;
    if (after >= end) return false;
    if (seen === null || end > seen.until) return true;
    return seen.by === 'xid' && sealed !== null && sealed > seen.xmin;
  }

  /** … of who belongs to what. */
  membersLost(after: Position, seen: Snapshot): boolean {
    for (const name of this.#absences.keys()) if (isMembership(name) && this.lost(name, after, seen)) return true;
    return false;
  }
}
