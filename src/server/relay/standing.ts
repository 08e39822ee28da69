import { ORIGIN, type Position } from '../../core/index.ts';
import type { Beat } from './leading.ts';

/** Nothing was heard for so long, ms: what is shown may be old. */
const QUIET = 5_000;

/**
 * Whether a gateway that follows others' ledger has what it should have: it has come to everything of which it was told that it is there, and is told
 * so all the time. What cuts it off from either is the same to it.
 */
export class Standing {
  /** When it was last known to have everything. */
  #whole: number;
  /** What is said to be there and has not come. */
  #missing: { readonly tail: Position; readonly since: number } | null = null;
  /** The furthest that was ever said to be there: a ledger that lost what it had is filled again up to here before anything new comes. */
  #furthest: Position = ORIGIN;
  /** Of who reads, as it was last told. */
  #behind = 0;

  constructor(now: number) {
    this.#whole = now;
  }

  heard({ tail, stale }: Pick<Beat, 'tail' | 'stale'>, position: Position, now: number): void {
    this.#behind = stale;
    this.#look(position);
    if (tail < this.#furthest) return;
    this.#furthest = tail;
    if (this.#missing) return;
    if (position >= tail) this.#whole = now;
    else this.#missing = { tail, since: now };
  }

  #look(position: Position): void {
    if (!this.#missing || position < this.#missing.tail) return;
    this.#whole = this.#missing.since;
    this.#missing = null;
  }

  /** Milliseconds for which nothing could be told; 0: it can be. */
  staleFor(position: Position, now: number): number {
    this.#look(position);
    const quiet = now - this.#whole;
    return quiet > QUIET ? quiet : this.#behind;
  }
}
