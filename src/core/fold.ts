import type { Change } from './change.ts';
import type { Image } from './model.ts';
import { atOnce, STEP, type Steps } from './steps.ts';
import { keyText, type Table } from './table.ts';

/**
 * One net change per key: `before` is the row before the commit, `after` the row after it. A row inserted and deleted again is nothing; a
 * changed key is a delete of the old one and a create of the new one. Without it a row that was public for a moment inside a transaction
 * would leak. Rows that are gone come first, so that a key or a unique value that moved is free before it is taken.
 */
export function fold(changes: readonly Change[]): readonly Change[] {
  return atOnce(folding(changes));
}

/** {@link fold}, a step at a time. */
export function* folding(changes: readonly Change[]): Steps<readonly Change[]> {
  if (isFolded(changes)) return changes;
  const rows = new Map<Table, Map<string, Change>>();
  for (const [at, change] of changes.entries()) {
    if (at % STEP === STEP - 1) yield;
    const { table, before, after } = change;
    const keys = keysOf(rows, table);
    // A row may be reported gone twice (a REPLACE seen by two triggers): the first image is the row before the commit.
    if (before && after && movesKey(change)) {
      settle(keys, { table, before, after: null });
      settle(keys, { table, before: null, after });
    } else settle(keys, change);
  }
  const gone: Change[] = [];
  const there: Change[] = [];
  for (const keys of rows.values()) {
    for (const change of keys.values()) {
      if (change.after) there.push(change);
      else if (change.before) gone.push(change);
    }
  }
  return gone.concat(there);
}

/** Rows of one table, each once and in its place, and either all gone or none: as most commits are. Keys that rise are told apart unremembered. */
function isFolded(changes: readonly Change[]): boolean {
  const [first] = changes;
  if (first === undefined) return true;
  const isGone = first.after === null;
  let last = '';
  for (const change of changes) {
    const { table, before, after } = change;
    if (table !== first.table || (after === null) !== isGone || movesKey(change)) return false;
    if (changes.length === 1) return true;
    const key = keyText(table, (after ?? before) as Image);
    if (key.length < last.length || (key.length === last.length && key <= last)) return false;
    last = key;
  }
  return true;
}

function keysOf(rows: Map<Table, Map<string, Change>>, table: Table): Map<string, Change> {
  let keys = rows.get(table);
  if (!keys) rows.set(table, (keys = new Map()));
  return keys;
}

function settle(keys: Map<string, Change>, change: Change): void {
  const { table, before, after } = change;
  const key = keyText(table, (after ?? before) as Image);
  const net = keys.get(key);
  keys.set(key, net === undefined ? change : { table, before: net.before, after });
}

function movesKey({ table, before, after }: Change): boolean {
  return before !== null && after !== null && table.key.some((place) => !same(before[place], after[place]));
}

function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return one instanceof Uint8Array && other instanceof Uint8Array && Buffer.compare(one, other) === 0;
}
