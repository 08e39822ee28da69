import { shows, verdictOf, type Position, type Snapshot } from '../core/index.ts';
import type { View } from './audience.ts';
import type { Item } from './tick.ts';
import type { Passed } from './window.ts';

/** More commits than this are told as one. */
const ONE_BY_ONE = 1_000;
const ONE_BY_ONE_BYTES = 256 * 1024;

interface Viewer {
  /** The groups it holds. */
  readonly holds: Holds;
  /** Where it comes to by this. */
  readonly position: Position;
}

type Holds = { has(group: string): boolean };

/** What a viewer that was away is told: each commit as it was, or, where that would be much, all of them as one. */
export function catchUp(passed: readonly Passed[], view: View, { holds, position }: Viewer): readonly Item[] {
  let bytes = 0;
  for (const { delivery } of passed) bytes += delivery.fields.length + delivery.key.length;
  if (passed.length > ONE_BY_ONE || bytes > ONE_BY_ONE_BYTES) return merged(passed, view, { holds, position });
  const items: Item[] = [];
  for (const { entry, delivery } of passed) {
    const action = verdictOf(held(delivery.before, holds), held(delivery.after, holds));
    if (action) items.push({ position: entry.position, change: { view, action, delivery } });
  }
  return items;
}

/** Several commits as one: the net change of each row, by what it was before the first and is after the last. */
export function merged(passed: readonly Passed[], view: View, { holds, position }: Viewer): readonly Item[] {
  const rows = new Map<string, { readonly saw: boolean; last: Passed }>();
  for (const each of passed) {
    const row = rows.get(each.delivery.key);
    if (row) row.last = each;
    else rows.set(each.delivery.key, { saw: held(each.delivery.before, holds), last: each });
  }
  const items: Item[] = [];
  for (const { saw, last } of rows.values()) {
    const action = verdictOf(saw, held(last.delivery.after, holds));
    if (action) items.push({ position, change: { view, action, delivery: last.delivery, merged: true } });
  }
  return items;
}

/** Those that rows read in this snapshot do not have in them yet. */
export function unseen(passed: readonly Passed[], snapshot: Snapshot): readonly Passed[] {
  return passed.filter(({ entry }) => !shows(snapshot, entry));
}

function held(groups: readonly string[] | null, holds: Holds): boolean {
  return groups?.some((group) => holds.has(group)) ?? false;
}
