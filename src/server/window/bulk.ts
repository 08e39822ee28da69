import type { Entry } from '../../core/index.ts';
import { groupsOf } from './window.ts';

/** How much one commit may tell one view row by row. */
export interface BulkBounds {
  readonly rows: number;
  readonly bytes: number;
}

export const BULK: BulkBounds = { rows: 1_000, bytes: 1_048_576 };

const NONE: ReadonlyMap<string, ReadonlySet<string>> = new Map();

/** By stream, the groups for which a commit has too much to be told row by row: their viewers read again, and others never notice. */
export function bulky({ deliveries }: Entry, { rows, bytes }: BulkBounds): ReadonlyMap<string, ReadonlySet<string>> {
  let all = 0;
  for (const { key, fields } of deliveries) all += key.length + fields.length;
  if (deliveries.length <= rows && all <= bytes) return NONE;
  const counts = new Map<string, Map<string, { rows: number; bytes: number }>>();
  for (const delivery of deliveries) {
    let groups = counts.get(delivery.stream);
    if (!groups) counts.set(delivery.stream, (groups = new Map()));
    for (const group of groupsOf(delivery)) {
      const count = groups.get(group);
      const size = delivery.key.length + delivery.fields.length;
      if (!count) groups.set(group, { rows: 1, bytes: size });
      else {
        count.rows++;
        count.bytes += size;
      }
    }
  }
  const resets = new Map<string, Set<string>>();
  for (const [stream, groups] of counts) {
    const over = [...groups].filter(([, count]) => count.rows > rows || count.bytes > bytes).map(([group]) => group);
    if (over.length > 0) resets.set(stream, new Set(over));
  }
  return resets;
}
