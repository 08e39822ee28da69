import {
  isRefused,
  judgeAll,
  keyText,
  placed,
  Refusal,
  toWire,
  type Allowed,
  type Answer,
  type Change,
  type Image,
  type Json,
  type LogValue,
  type Receipt,
  type Refused,
  type RowStep,
  type Store,
  type StoreWrite,
  type Table,
} from '../core/index.ts';
import { Draft } from './draft.ts';
import type { Held } from './held.ts';
import { Outcomes } from './outcomes.ts';

interface Decided {
  readonly answer: Answer;
  readonly changes: readonly Change[];
}

/** How often rows that keep changing are judged before the client is told so. */
const JUDGEMENTS = 3;

/** Writes to rows in memory. `commit` does what was decided, and takes it into the log. There is no `tx`: what hooks and calls do is their own. */
export class MemoryStore implements Store {
  readonly #held: Held;
  readonly #commit: (changes: readonly Change[], receipt: Receipt) => void;
  readonly #outcomes = new Outcomes();
  readonly #numbers = new Map<Table, number>();
  /** One write at a time: `judge` may wait, and the rows must not change meanwhile. */
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
    const decided = await this.#decide(write);
    if (!decided)
      return { answer: { ok: false, code: 'conflict', message: 'the row kept changing; look at it and try again' }, logged: false };
    const { answer, changes } = decided;
    this.#outcomes.set(claim, { hash, answer });
    this.#commit(changes, { ...receipt, answer });
    return { answer, logged: true };
  }

  /** Null: the rows were never as they were judged. */
  async #decide(write: StoreWrite): Promise<Decided | null> {
    for (let times = 0; times < JUDGEMENTS; times++) {
      const decided = await this.#try(write);
      if (decided) return decided;
    }
    return null;
  }

  async #try({ steps, answer }: StoreWrite): Promise<Decided | null> {
    const draft = new Draft(this.#held);
    const befores = steps.map((step) => (step.kind === 'row' ? rowOf(draft, step) : null));
    const allowed = await judgeAll(steps, befores);
    if (draft.isStale) return null; // what the app publishes waits for nobody
    if (isRefused(allowed)) return { answer: allowed, changes: [] };
    const made: Json[] = [];
    for (const each of allowed) {
      try {
        made.push(await this.#do(each, draft));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return { answer: placed(each.step, error.answer), changes: [] };
      }
    }
    // A hook may have published what it did itself, and is not to do it again.
    if (draft.isStale && allowed.every(({ judgement }) => judgement.verdict === 'write')) return null;
    return { answer: answer(made), changes: draft.changes };
  }

  async #do({ step, before, judgement }: Allowed, draft: Draft): Promise<Json> {
    if (step.kind === 'call') return judgement.verdict === 'hook' ? (toWire(await judgement.run(null)) ?? null) : null;
    const { table, action } = step;
    // By now an earlier step may have changed it, or done away with it.
    const row = before && rowOf(draft, step);
    if (step.key && !row) throw new Refusal(NOT_FOUND);
    if (judgement.verdict === 'hook') {
      const made = await judgement.run(null);
      return row ? keyJson(table, row) : (toWire(made) ?? null);
    }
    const after = action === 'delete' ? null : this.#row(table, row, { values: judgement.values, draft });
    const key = keyText(table, (after ?? row) as Image);
    if (after && (!row || keyText(table, row) !== key) && draft.find(table, key)) throw new Refusal(taken(table));
    draft.change({ table, before: row, after });
    return JSON.parse(key) as Json;
  }

  #row(table: Table, before: Image | null, { values, draft }: { values: ReadonlyMap<number, unknown>; draft: Draft }): Image {
    const row = table.columns.map((column, place): LogValue => {
      if (values.has(place)) return values.get(place) as LogValue;
      if (before) return (before[place] ?? null) as LogValue; // the code's own values are always readable
      return table.key.includes(place) && column.shape === 'number' ? this.#next(table, draft) : null;
    });
    const missing = table.columns.find(({ notNull }, place) => notNull && row[place] === null);
    if (missing) {
      throw new Refusal({ ok: false, code: 'invalid', message: 'a value is missing', fields: { [missing.name]: 'is required' } });
    }
    return row;
  }

  #next(table: Table, draft: Draft): number {
    let next = this.#numbers.get(table) ?? 0;
    do next++;
    while (draft.find(table, String(next)));
    this.#numbers.set(table, next);
    return next;
  }
}

const NOT_FOUND: Refused = { ok: false, code: 'not_found', message: 'there is no such row' };

function taken({ model }: Table): Refused {
  return { ok: false, code: 'invalid', message: 'the key is taken', fields: { [model.key[0] as string]: 'is taken' } };
}

function rowOf(draft: Draft, { table, key }: RowStep): Image | null {
  if (!key) return null;
  const probe: LogValue[] = [];
  table.key.forEach((place, index) => (probe[place] = key[index] ?? null));
  return draft.find(table, keyText(table, probe));
}

function keyJson(table: Table, image: Image): Json {
  return JSON.parse(keyText(table, image)) as Json;
}
