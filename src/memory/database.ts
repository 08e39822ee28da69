import {
  numberOf,
  ORIGIN,
  positionOf,
  RowcastError,
  type Change,
  type ChangeSource,
  type Clock,
  type Commit,
  type Database,
  type Image,
  type LogValue,
  type Position,
  type Published,
  type Receipt,
  type Row,
  type Table,
} from '../core/index.ts';
import { MemoryRows } from './rows.ts';
import { memoryTable } from './table.ts';

/** Commits kept for a reader that comes late, or back. */
const KEPT = 10_000;

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
  return {
    name: 'memory',
    plan: () => Promise.resolve([]),
    teardown: () => Promise.resolve([]),
    open(bound, { clock }) {
      const tables = new Map(bound.map((each) => [each.model, memoryTable(each)]));
      const log = new MemoryLog([...tables.values()], clock);
      return Promise.resolve({ tables, source: log, store: log.rows, secret: clock.id(), close: () => Promise.resolve() });
    },
  };
}

class MemoryLog implements ChangeSource {
  readonly epoch: string;
  readonly rows: MemoryRows;
  readonly #tables: readonly Table[];
  #commits: Commit[] = [];
  #tail: Position = ORIGIN;
  readonly #waiting = new Set<() => void>();

  constructor(tables: readonly Table[], clock: Clock) {
    this.epoch = clock.id();
    this.#tables = tables;
    this.rows = new MemoryRows((changes, receipt) => this.#append(changes, receipt));
  }

  tail(): Promise<Position> {
    return Promise.resolve(this.#tail);
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    let from = after;
    const wake = (): void => {
      for (const resolve of this.#waiting) resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
    while (!signal.aborted) {
      const batch = this.#since(from);
      const last = batch.at(-1);
      if (last) {
        from = last.position;
        yield batch;
      } else {
        await new Promise<void>((resolve) => {
          const once = (): void => {
            this.#waiting.delete(once);
            resolve();
          };
          this.#waiting.add(once);
        });
      }
    }
    signal.removeEventListener('abort', wake);
  }

  acknowledge(): void {
    if (this.#commits.length > 2 * KEPT) this.#commits = this.#commits.slice(-KEPT);
  }

  mark(receipt: Receipt): Promise<void> {
    this.#append([], receipt);
    return Promise.resolve();
  }

  publish(published: readonly Published[], receipt: Receipt): Promise<void> {
    const changes = published.map(({ table, before, after }): Change => ({
      table,
      before: image(table, before),
      after: image(table, after),
    }));
    for (const change of changes) this.rows.apply(change);
    this.#append(changes, receipt);
    return Promise.resolve();
  }

  #append(changes: readonly Change[], receipt: Receipt): void {
    this.#tail = positionOf(numberOf(this.#tail) + 1n);
    this.#commits.push({ position: this.#tail, xid: null, receipts: [receipt], changes, lost: [] });
    for (const resolve of this.#waiting) resolve();
  }

  #since(after: Position): readonly Commit[] {
    const first = this.#commits[0];
    if (first && numberOf(first.position) > numberOf(after) + 1n) {
      const position = positionOf(numberOf(first.position) - 1n);
      return [
        { position, xid: null, receipts: [], changes: [], lost: this.#tables.map((table) => ({ table, reason: 'source' })) },
        ...this.#commits,
      ];
    }
    let at = this.#commits.length;
    while (at > 0 && (this.#commits[at - 1] as Commit).position > after) at--;
    return this.#commits.slice(at);
  }
}

function image(table: Table, row: Row | null): Image | null {
  if (!row) return null;
  const missing = table.key.find((place) => row[(table.columns[place] as { name: string }).name] == null);
  if (missing !== undefined) throw new RowcastError('publish_invalid', `a published row of "${table.id}" needs its key`);
  return table.columns.map((column) => (row[column.name] ?? null) as LogValue);
}
