import { RowcastError, type Entry } from '../core/index.ts';
import type { State } from './state.ts';

/** Why a ledger in this state does not take these entries; null: it does. */
export function refusalOf(state: State, entries: readonly Entry[], term: number): RowcastError | null {
  if (term !== state.term || term === 0) {
    const now = state.term === 0 ? 'nobody leads' : `${state.term} does`;
    return new RowcastError('ledger_fenced', `term ${term} does not lead this ledger, ${now}: call lead() before appending again`);
  }
  let prev = state.tail;
  for (const entry of entries) {
    if (entry.prev !== prev || entry.position <= prev) {
      const why = `the entry at ${entry.position} names ${entry.prev} as the one before, and that is ${prev}`;
      return new RowcastError('ledger_conflict', `${why}: read the log again after the tail`);
    }
    prev = entry.position;
  }
  return null;
}

/** A call as bytes, cut where one message cannot hold it. */
export function bodiesOf(entries: readonly Entry[], largest: number): readonly Uint8Array[] {
  const body = Buffer.from(JSON.stringify(entries));
  if (body.length <= largest) return [body];
  return Array.from({ length: Math.ceil(body.length / largest) }, (_, index) => body.subarray(index * largest, (index + 1) * largest));
}
