import type { Change } from './change.ts';
import type { Image } from './model.ts';
import { keyText, type Table } from './table.ts';

/**
 * One net change per key: `before` is the row before the commit, `after` the row after it. A row inserted and deleted again is nothing; a
 * changed key is a delete of the old one and a create of the new one. Without it a row that was public for a moment inside a transaction
 * would leak. Rows that are gone come first, so that a key or a unique value that moved is free before it is taken.
 */
export function fold(changes: readonly Change[]): readonly Change[] {
  const only = changes[0];
  if (changes.length === 1 && only && !movesKey(only)) return changes;
  const rows = new Map<Table, Map<string, Net>>();
  for (const change of changes) {
    const keys = keysOf(rows, change.table);
    // A row may be reported gone twice (a REPLACE seen by two triggers): the first image is the row before the commit.
    if (change.before && change.after && !movesKey(change)) settle(keys, keyText(change.table, change.after), change.before, change.after);
    else {
      if (change.before) settle(keys, keyText(change.table, change.before), change.before, null);
      if (change.after) settle(keys, keyText(change.table, change.after), null, change.after);
    }
  }
  const gone: Change[] = [];
  const there: Change[] = [];
  for (const [table, keys] of rows) {
    for (const { before, after } of keys.values()) {
      if (after) there.push({ table, before, after });
      else if (before) gone.push({ table, before, after });
    }
  }
  return gone.concat(there);
}

interface Net {
  readonly before: Image | null;
  after: Image | null;
}

function keysOf(rows: Map<Table, Map<string, Net>>, table: Table): Map<string, Net> {
  let keys = rows.get(table);
  if (!keys) rows.set(table, (keys = new Map()));
  return keys;
}

function settle(keys: Map<string, Net>, key: string, before: Image | null, after: Image | null): void {
  const net = keys.get(key);
  if (net) net.after = after;
  else keys.set(key, { before, after });
}

function movesKey({ table, before, after }: Change): boolean {
  return before !== null && after !== null && table.key.some((place) => !same(before[place], after[place]));
}

function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return one instanceof Uint8Array && other instanceof Uint8Array && Buffer.compare(one, other) === 0;
}
