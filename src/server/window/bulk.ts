import type { Delivery, Entry } from '../../core/index.ts';
import { groupsOf } from './window.ts';

/** How much one commit may tell one view row by row. */
export interface BulkBounds {
  readonly rows: number;
  readonly bytes: number;
}

export const BULK: BulkBounds = { rows: 1_000, bytes: 1_048_576 };

interface Told {
  readonly deliveries: readonly Delivery[];
  /** By stream, the groups whose viewers read again instead. */
  readonly resets: ReadonlyMap<string, ReadonlySet<string>>;
}

const NONE: ReadonlyMap<string, ReadonlySet<string>> = new Map();

/** What of a commit is told row by row. A group it has too much for reads again; others never notice. */
export function bulky({ deliveries }: Entry, { rows, bytes }: BulkBounds): Told {
  let all = 0;
  for (const { key, fields } of deliveries) all += key.length + fields.length;
  if (deliveries.length <= rows && all <= bytes) return { deliveries, resets: NONE };
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
  return { deliveries, resets };
}
