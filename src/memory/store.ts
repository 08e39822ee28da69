import {
  keyText,
  placeOf,
  ValueError,
  type Answer,
  type Change,
  type Image,
  type Judgement,
  type LogValue,
  type Receipt,
  type Store,
  type StoreWrite,
  type Table,
} from '../core/index.ts';
import type { Held } from './held.ts';

/** Outcomes remembered, oldest forgotten first. */
const OUTCOMES = 100_000;

/** Writes to rows in memory. `commit` does what was decided, and takes it into the log. */
export class MemoryStore implements Store {
  readonly #held: Held;
  readonly #commit: (changes: readonly Change[], receipt: Receipt) => void;
  readonly #outcomes = new Map<string, { readonly hash: string; readonly answer: Answer }>();
  readonly #numbers = new Map<Table, number>();
  /** One write at a time: `judge` may wait, and the row must not change meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(held: Held, commit: (changes: readonly Change[], receipt: Receipt) => void) {
    this.#held = held;
    this.#commit = commit;
  }

  write(write: StoreWrite): Promise<{ answer: Answer; logged: boolean }> {
    const done = this.#turn.then(() => this.#write(write));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #write(write: StoreWrite): Promise<{ answer: Answer; logged: boolean }> {
    const { principal, receipt, hash } = write.claim;
    const claim = JSON.stringify([principal, receipt.client, receipt.write]);
    const stored = this.#outcomes.get(claim);
    if (stored && stored.hash !== hash)
      return { answer: { ok: false, code: 'key_reused', message: 'this write id was used for another write' }, logged: false };
    if (stored) {
      this.#commit([], { ...receipt, answer: stored.answer });
      return { answer: stored.answer, logged: true };
    }
    const before = write.key ? this.#find(write.table, write.key) : null;
    const { answer, changes } = await this.#decide(write, before, await write.judge(before));
    this.#outcomes.set(claim, { hash, answer });
    if (this.#outcomes.size > OUTCOMES) this.#outcomes.delete(this.#outcomes.keys().next().value as string);
    this.#commit(changes, { ...receipt, answer });
    return { answer, logged: true };
  }

  async #decide(write: StoreWrite, before: Image | null, judgement: Judgement): Promise<{ answer: Answer; changes: readonly Change[] }> {
    const { table, action } = write;
    switch (judgement.verdict) {
      case 'refuse':
        return { answer: judgement.answer, changes: [] };
      case 'hook': {
        const made = await judgement.run(null);
        const pk = action === 'create' ? made : JSON.parse(keyText(table, before as Image));
        return { answer: { ok: true, pk: pk as never }, changes: [] };
      }
      case 'write': {
        const after = action === 'delete' ? null : this.#row(table, before, judgement.values);
        const key = keyText(table, (after ?? before) as Image);
        const taken = after && (!before || keyText(table, before) !== key) && this.#held.of(table).has(key);
        if (taken)
          return {
            answer: { ok: false, code: 'invalid', message: 'the key is taken', fields: { [table.model.key[0] as string]: 'is taken' } },
            changes: [],
          };
        return { answer: { ok: true, pk: JSON.parse(key) as never }, changes: [{ table, before, after }] };
      }
    }
  }

  #find(table: Table, key: readonly LogValue[]): Image | null {
    const probe: LogValue[] = [];
    table.key.forEach((place, index) => (probe[place] = key[index] ?? null));
    return this.#held.of(table).get(keyText(table, probe)) ?? null;
  }

  #row(table: Table, before: Image | null, values: ReadonlyMap<number, unknown>): Image {
    const row = table.columns.map((column, place): LogValue => {
      if (values.has(place)) return values.get(place) as LogValue;
      if (before) return (before[place] ?? null) as LogValue; // the code's own values are always readable
      return table.key.includes(place) && column.shape === 'number' ? this.#next(table) : null;
    });
    const missing = table.columns.find((column, place) => column.notNull && row[place] === null);
    if (missing && placeOf(table, missing.name) >= 0)
      throw new ValueError(`"${missing.name}" has no value and a table in memory has no defaults`);
    return row;
  }

  #next(table: Table): number {
    const next = (this.#numbers.get(table) ?? 0) + 1;
    this.#numbers.set(table, next);
    return next;
  }
}
