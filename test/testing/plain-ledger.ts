import { RowcastError, sizeOf, type Entry, type Ledger, type LedgerBounds, type Position } from '../../src/core/index.ts';

export interface Kept {
  readonly entry: Entry;
  readonly since: number;
}

/** A ledger as a plain list: slow, and right because there is nothing in it. What is protected is what a broken one does otherwise. */
export class PlainLedger implements Ledger {
  protected kept: readonly Kept[] = [];
  protected floorAt: Position;
  protected tailAt: Position;
  protected term = 0;
  protected asleep = new Set<() => void>();
  protected readonly bounds: LedgerBounds;
  protected readonly now: () => number;

  constructor(start: Position, bounds: Partial<LedgerBounds>, now: () => number) {
    this.floorAt = this.tailAt = start;
    this.bounds = { entries: Infinity, bytes: Infinity, age: Infinity, ...bounds };
    this.now = now;
  }

  async floor(): Promise<Position> {
    this.trim();
    return this.floorAt;
  }

  async tail(): Promise<Position> {
    return this.tailAt;
  }

  async lead(least = 0): Promise<number> {
    return (this.term = Math.max(this.term + 1, least));
  }

  async append(entries: readonly Entry[], term: number): Promise<void> {
    if (!this.leads(term)) throw new RowcastError('ledger_fenced', 'fenced');
    if (!this.follows(entries)) throw new RowcastError('ledger_conflict', 'conflict');
    await this.take(entries);
  }

  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]> {
    return this.read(this.begin(after), signal);
  }

  protected leads(term: number): boolean {
    return term > 0 && term === this.term;
  }

  protected follows(entries: readonly Entry[]): boolean {
    const before = [this.tailAt, ...entries.map(({ position }) => position)];
    return entries.every(({ prev, position }, index) => prev === before[index] && position > prev);
  }

  protected take(entries: readonly Entry[]): void | Promise<void> {
    this.kept = [...this.kept, ...entries.map((entry) => ({ entry, since: this.now() }))];
    this.tailAt = entries.at(-1)?.position ?? this.tailAt;
    this.trim();
    this.wake();
  }

  protected wake(): void {
    for (const wake of this.asleep) wake();
    this.asleep.clear();
  }

  protected trim(): void {
    for (let [first] = this.kept; first && this.goes(first); [first] = this.kept) {
      this.kept = this.kept.slice(1);
      this.floorAt = first.entry.position;
    }
  }

  protected goes({ since }: Kept): boolean {
    const { entries, bytes, age } = this.bounds;
    const size = this.kept.reduce((sum, { entry }) => sum + sizeOf(entry), 0);
    return this.now() - since > age || (this.kept.length > 1 && (this.kept.length > entries || size > bytes));
  }

  /** Where a follower begins; null: it cannot. */
  protected begin(after: Position): Position | null {
    this.trim();
    return after >= this.floorAt ? after : null;
  }

  /** Whether a reader that has had all up to here goes on without a gap. */
  protected has(position: Position): boolean {
    return position >= this.floorAt;
  }

  protected async *read(begun: Position | null, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    for (let at = begun; !signal.aborted;) {
      this.trim();
      if (at === null || !this.has(at)) throw new RowcastError('ledger_gap', 'gap');
      const batch = this.after(at);
      at = batch.at(-1)?.position ?? at;
      if (batch.length > 0) yield batch;
      else await this.sleep(signal);
    }
  }

  protected after(position: Position): readonly Entry[] {
    return this.kept.map(({ entry }) => entry).filter((entry) => entry.position > position);
  }

  protected sleep(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.asleep.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
