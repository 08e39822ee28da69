import type { Database, Lease } from '../core/index.ts';
import { Held } from './held.ts';
import { memoryLease } from './lease.ts';
import { MemoryLog } from './log.ts';
import { MemoryRows } from './rows.ts';
import { MemoryStore } from './store.ts';
import { memoryTable } from './table.ts';

/**
 * No database at all: the app itself is the source. Rows live in this process; `live.publish(…)` and clients' writes change them. For data
 * that has no database, for tests, and to measure everything but a database.
 *
 * @example
 * ```ts
 * const live = await rowcast({ source: memory(), bindings: { ticks } })
 * await live.publish(ticks, [{ before: null, after: { id: 1, price: 42 } }])
 * ```
 */
export function memory(): Database {
  let lease: Lease | undefined;
  return {
    name: 'memory',
    plan: () => Promise.resolve([]),
    teardown: () => Promise.resolve([]),
    open(bound, { clock }) {
      const tables = new Map(bound.map((each) => [each.model, memoryTable(each)]));
      const held = new Held();
      const source = new MemoryLog(clock.id(), [...tables.values()], (change) => held.apply(change));
      return Promise.resolve({
        tables,
        source,
        store: new MemoryStore(held, (changes, receipt) => source.commit(changes, receipt)),
        rows: new MemoryRows(held, () => source.end),
        lease: (lease ??= memoryLease(clock)),
        secret: clock.id(),
        // There are no transactions of the app's: what it did before is done.
        leave: (_tx, { client, write }) => source.commit([], { client, write }),
        close: () => Promise.resolve(),
      });
    },
  };
}
