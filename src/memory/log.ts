import {
  numberOf,
  positionOf,
  RowcastError,
  Shelf,
  type Change,
  type ChangeSource,
  type Commit,
  type Floor,
  type Image,
  type LogValue,
  type Position,
  type Published,
  type Receipt,
  type Row,
  type Table,
} from '../core/index.ts';

/** Commits kept for a reader that comes back, after they are held elsewhere. */
const KEPT = 10_000;

/** Commits of a batch, at most. */
const BATCH = 1_000;

/** What happened, in memory. A commit's position is its number on the shelf, counted from one. */
export class MemoryLog implements ChangeSource {
  readonly epoch: string;
  readonly #tables: readonly Table[];
  readonly #apply: (change: Change) => void;
  readonly #commits = new Shelf<Commit>();
  readonly #asleep = new Set<() => void>();

  constructor(epoch: string, tables: readonly Table[], apply: (change: Change) => void) {
    this.epoch = epoch;
    this.#tables = tables;
    this.#apply = apply;
  }

  get end(): Position {
    return positionOf(this.#commits.end);
  }

  async tail(): Promise<Position> {
    return this.end;
  }

  async floor(): Promise<Floor> {
    return { position: positionOf(this.#commits.first), reason: 'retention' };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    let wake = (): void => undefined;
    const abort = (): void => wake();
    signal.addEventListener('abort', abort, { once: true });
    try {
      for (let next = Number(numberOf(after)); !signal.aborted;) {
        const { first } = this.#commits;
        if (next < first) {
          next = first;
          yield [this.#lost(positionOf(first))];
          continue;
        }
        const batch = this.#commits.slice(next, BATCH);
        next += batch.length;
        if (batch.length > 0) yield batch;
        else await new Promise<void>((resolve) => this.#asleep.add((wake = resolve)));
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#asleep.delete(wake);
    }
  }

  acknowledge(position: Position): void {
    const held = Number(numberOf(position));
    while (this.#commits.size > KEPT && this.#commits.first < held) this.#commits.shift();
  }

  async mark(receipt: Receipt): Promise<void> {
    this.commit([], receipt);
  }

  async publish(published: readonly Published[], receipt: Receipt): Promise<void> {
    this.commit(
      published.map(({ table, before, after }) => ({ table, before: image(table, before), after: image(table, after) })),
      receipt,
    );
  }

  /** The rows change and the log grows at one stroke. */
  commit(changes: readonly Change[], receipt: Receipt): void {
    for (const change of changes) this.#apply(change);
    this.#commits.push({ position: positionOf(this.#commits.end + 1), xid: null, receipts: [receipt], changes, lost: [] });
    for (const wake of this.#asleep) wake();
    this.#asleep.clear();
  }

  #lost(position: Position): Commit {
    return { position, xid: null, receipts: [], changes: [], lost: this.#tables.map((table) => ({ table, reason: 'retention' })) };
  }
}

function image(table: Table, row: Row | null): Image | null {
  if (!row) return null;
  const missing = table.key.find((place) => row[(table.columns[place] as { name: string }).name] == null);
  if (missing !== undefined) throw new RowcastError('publish_invalid', `a published row of "${table.id}" needs its key`);
  return table.columns.map((column) => (row[column.name] ?? null) as LogValue);
}
