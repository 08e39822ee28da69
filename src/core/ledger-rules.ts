import type { Entry } from './entry.ts';
import { RowcastError } from './errors.ts';
import type { Position } from './position.ts';

/** The rules of the ledger port, for bodies that look at them by themselves: why these entries are not taken. Null: they are. Term 0: nobody leads. */
export function appendRefusal(
  { term: leads, tail }: { readonly term: number; readonly tail: Position },
  entries: readonly Entry[],
  term: number,
): RowcastError | null {
  if (term !== leads || term === 0) {
    const now = leads === 0 ? 'nobody leads' : `${leads} does`;
    return new RowcastError('ledger_fenced', `term ${term} does not lead this ledger, ${now}: call lead() before appending again`);
  }
  let prev = tail;
  for (const entry of entries) {
    if (entry.prev !== prev || entry.position <= prev) {
      const why = `the entry at ${entry.position} names ${entry.prev} as the one before, and that is ${prev}`;
      return new RowcastError('ledger_conflict', `${why}: read the log again after the tail`);
    }
    prev = entry.position;
  }
  return null;
}

/** Who begins to follow comes too late. */
export function notKept(after: Position, { floor, tail }: { readonly floor: Position; readonly tail: Position }): RowcastError {
  return new RowcastError(
    'ledger_gap',
    `this ledger has what came after ${floor}, up to ${tail}, and cannot be followed from ${after}: read the rows again`,
  );
}

/** Who follows has not had what went. */
export function overtaken(floor: Position): RowcastError {
  return new RowcastError(
    'ledger_gap',
    `what this reader has not had is not in the ledger any more, up to ${floor}: read the rows again, and give the ledger larger bounds`,
  );
}
