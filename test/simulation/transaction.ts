import type { Answer, Position, Receipt } from '../../src/core/index.ts';
import type { Row, TableName, Value } from './app.ts';
import type { SimDatabase } from './database.ts';

export type Statement =
  | { readonly kind: 'row'; readonly table: TableName; readonly before: Row | null; readonly after: Row | null }
  | { readonly kind: 'truncate'; readonly table: TableName; readonly ids: readonly number[] };

/**
 * One transaction of one writer. Its statements are seen by itself alone until it has committed and the commit can be seen. What another has
 * locked is refused; whoever must have it waits with `lock`.
 */
export class Transaction {
  readonly #database: SimDatabase;
  #xid: bigint | null = null;
  #position: Position | null = null;
  #statements: Statement[] = [];
  #state: 'open' | 'logged' | 'ended' = 'open';
  #settle: () => void = () => undefined;
  /** Resolves when it has ended, one way or another. */
  readonly ended: Promise<void>;
  #outcome: { readonly claim: string; readonly hash: string; readonly answer: Answer } | null = null;
  #waiting: { cancel(): void } | null = null;

  constructor(database: SimDatabase) {
    this.#database = database;
    this.ended = new Promise((resolve) => (this.#settle = resolve));
  }

  get xid(): bigint | null {
    return this.#xid;
  }

  get statements(): readonly Statement[] {
    return this.#statements;
  }

  /** Where it stands in the log; null: it does not. */
  get position(): Position | null {
    return this.#position;
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /** The row as this transaction sees it. */
  find(table: TableName, id: number): Row | null {
    for (let at = this.#statements.length - 1; at >= 0; at--) {
      const statement = this.#statements[at] as Statement;
      if (statement.table !== table) continue;
      if (statement.kind === 'truncate') return null;
      if (statement.after?.['id'] === id) return statement.after;
      if (statement.before?.['id'] === id) return null;
    }
    return this.#database.visible[table].get(id) ?? null;
  }

  /** False: another has the row, or the whole table. */
  tryLock(table: TableName, id: number): boolean {
    if (this.#state === 'open' && !this.#database.locked(`all ${table}`, this) && this.#database.tryLock(`row ${table} ${id}`, this)) {
      this.#identify();
      return true;
    }
    return false;
  }

  /** Waits for whoever has it. */
  async lock(name: { readonly table: TableName; readonly id: number } | string): Promise<void> {
    const got = (): boolean => (typeof name === 'string' ? this.#database.tryLock(name, this) : this.tryLock(name.table, name.id));
    while (this.#state === 'open' && !got()) await this.#database.freed();
    if (this.#state === 'open') this.#identify();
  }

  /** False: not possible now. A row that was not there and shall not be there is nothing. */
  put(table: TableName, id: number, row: Row | null): boolean {
    const moves = row !== null && row['id'] !== id;
    if (!this.tryLock(table, id)) return false;
    if (moves && (!this.tryLock(table, Number(row['id'])) || this.find(table, Number(row['id'])))) return false;
    const before = this.find(table, id);
    if (moves && !before) return false;
    if (before || row) this.#statements.push({ kind: 'row', table, before, after: row });
    return true;
  }

  patch(table: TableName, id: number, values: Readonly<Record<string, Value>>): boolean {
    if (!this.tryLock(table, id)) return false;
    const row = this.find(table, id);
    return row !== null && this.put(table, id, { ...row, ...values });
  }

  truncate(table: TableName): boolean {
    const busy = this.#database.locked(`row ${table} `, this) || this.#database.locked(`read ${table} `, this);
    if (busy || !this.#database.tryLock(`all ${table}`, this)) return false;
    this.#identify();
    const ids = new Set(this.#database.visible[table].keys());
    for (const statement of this.#statements)
      if (statement.kind === 'row' && statement.table === table && statement.after) ids.add(Number(statement.after['id']));
    this.#statements.push({ kind: 'truncate', table, ids: [...ids] });
    return true;
  }

  /** What became of a write, for whoever asks again. */
  keep(claim: string, outcome: { readonly hash: string; readonly answer: Answer }): void {
    this.#outcome = { claim, ...outcome };
  }

  /** What came after this many statements never happened. */
  rollbackTo(statements: number): void {
    this.#statements = this.#statements.slice(0, statements);
  }

  rollback(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#statements = [];
    this.#database.ended(this);
    this.#settle();
  }

  /** Keeps others from emptying the table at a stroke; waits for whoever does it. Nothing else is kept from anything. */
  async share(table: TableName): Promise<void> {
    while (this.#state === 'open' && this.#database.locked(`all ${table}`, this)) await this.#database.freed();
    if (this.#state === 'open') this.#database.tryLock(`read ${table} ${this.#database.nextId()}`, this);
  }

  /** @param wait milliseconds until it can be seen. @returns null: it did nothing, and the log has nothing of it. */
  commit(receipts: readonly Receipt[], wait: number = this.#database.standby()): Position | null {
    if (this.#state !== 'open') return null;
    if (this.#statements.length + receipts.length === 0) {
      this.rollback();
      return null;
    }
    this.#identify();
    this.#state = 'logged';
    const position = this.#database.commit(this, receipts);
    this.#position = position;
    if (wait === 0) this.#seen();
    else this.#waiting = this.#database.timeline.at(this.#database.timeline.now + wait, () => this.#seen());
    return position;
  }

  /** The server goes down: what is in the log is there when it is up again. */
  crash(): void {
    if (this.#state === 'logged') this.#seen();
    else this.rollback();
  }

  #seen(): void {
    if (this.#state !== 'logged') return;
    this.#waiting?.cancel();
    this.#state = 'ended';
    if (this.#outcome) this.#database.outcomes.set(this.#outcome.claim, this.#outcome);
    this.#database.seen(this);
    this.#settle();
  }

  #identify(): void {
    this.#xid ??= this.#database.nextXid(this);
  }
}
