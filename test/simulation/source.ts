import type { Change, ChangeSource, Commit, Floor, Image, Loss, Position, Receipt, Table } from '../../src/core/index.ts';
import { TABLES, type Row, type TableName } from './app.ts';
import type { Logged, SimDatabase, Slot } from './database.ts';
import type { Process } from './process.ts';

export interface SourceParts {
  readonly database: SimDatabase;
  readonly slot: Slot;
  readonly process: Process;
  readonly tables: ReadonlyMap<TableName, Table>;
  /** Milliseconds that what was acknowledged is kept for a restart. */
  readonly confirmAfter: number;
  acknowledges(position: Position): void;
}

/** The log of the simulated database, as one process reads it: by the contract of core's port, and as late and in pieces as that allows. */
export class SimSource implements ChangeSource {
  readonly epoch: string;
  readonly #parts: SourceParts;
  #reading = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.epoch = parts.database.epoch;
  }

  async tail(): Promise<Position> {
    await this.#parts.process.takes('quick');
    return this.#parts.database.tail;
  }

  async floor(): Promise<Floor> {
    await this.#parts.process.takes('quick');
    const { confirmed, reason } = this.#parts.slot;
    return { position: confirmed, reason };
  }

  async *read(after: Position, signal: AbortSignal): AsyncGenerator<readonly Commit[]> {
    if (this.#reading) throw new Error('the log is being read already: one reader at a time');
    this.#reading = true;
    const { database, process, slot } = this.#parts;
    let cut: Error | null = null;
    let wake = (): void => undefined;
    const forgets = [
      database.listen(() => wake()),
      database.connected((error) => {
        cut = error;
        wake();
      }),
    ];
    const abort = (): void => wake();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await process.takes('quick');
      let at = after;
      database.timeline.note(() => `${process.name}: reads the log after ${at}, the slot has it from ${slot.confirmed}`);
      if (at < slot.confirmed) {
        at = slot.confirmed;
        yield [this.#loss(at)];
      }
      while (!signal.aborted) {
        if (cut) throw cut;
        const logged = database.after(at);
        if (logged.length === 0) {
          await new Promise<void>((resolve) => (wake = resolve));
          await process.takes('instant');
          continue;
        }
        await process.takes('quick');
        if (cut) throw cut;
        const batch = logged.slice(0, database.timeline.random.between(1, logged.length));
        at = (batch.at(-1) as Logged).position;
        const commits = batch
          .map((one) => this.#commit(one))
          .filter(({ changes, lost, receipts }) => changes.length + lost.length + receipts.length > 0);
        if (commits.length > 0) yield commits;
      }
    } finally {
      this.#reading = false;
      signal.removeEventListener('abort', abort);
      for (const forget of forgets) forget();
    }
  }

  acknowledge(position: Position): void {
    const { database, process, slot, confirmAfter, acknowledges } = this.#parts;
    acknowledges(position);
    process.after(confirmAfter, () => {
      // What cannot be seen yet has to be read again by whoever starts: rows do not show it.
      const seen = database.seenUpTo;
      const confirmed = position < seen ? position : seen;
      if (confirmed > slot.confirmed) {
        slot.confirmed = confirmed;
        slot.reason = 'retention';
      }
      if (database.timeline.random.chance(0.5)) slot.stored = slot.confirmed;
    });
  }

  mark(receipt: Receipt): Promise<void> {
    return this.publish([], receipt);
  }

  async publish(_changes: readonly unknown[], receipt: Receipt): Promise<void> {
    const { database, process } = this.#parts;
    let failed: Error | null = null;
    const forget = database.connected((error) => (failed = error));
    await process.takes('quick');
    if (!failed) {
      const transaction = database.begin();
      transaction.commit([receipt]);
      await transaction.ended;
    }
    await process.takes('quick');
    forget();
    if (failed) throw failed as Error;
  }

  #commit({ position, xid, receipts, statements }: Logged): Commit {
    const changes: Change[] = [];
    const lost: Loss[] = [];
    for (const statement of statements) {
      const table = this.#parts.tables.get(statement.table);
      if (!table) continue;
      if (statement.kind === 'truncate') lost.push({ table, reason: 'truncate' });
      else changes.push({ table, before: imageOf(statement.table, statement.before), after: imageOf(statement.table, statement.after) });
    }
    return { position, xid, receipts, changes, lost };
  }

  #loss(position: Position): Commit {
    const { slot, tables } = this.#parts;
    const lost = [...tables.values()].map((table) => ({ table, reason: slot.reason }));
    return { position, xid: null, receipts: [], changes: [], lost };
  }
}

export function imageOf(table: TableName, row: Row | null): Image | null {
  return row && TABLES[table].map((column) => row[column] ?? null);
}

export function rowOf(table: TableName, image: Image): Row {
  return Object.fromEntries(TABLES[table].map((column, place) => [column, image[place] as string | number | null]));
}
