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
  type Verdicts,
} from '../core/index.ts';
import { Draft } from './draft.ts';
import type { Held } from './held.ts';
import { Outcomes } from './outcomes.ts';

type Outcome = { readonly answer: Answer; readonly logged: boolean };

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
  /** Writes that are under way: `judge` may wait, and the rows must not change meanwhile. */
  #under = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(held: Held, commit: (changes: readonly Change[], receipt: Receipt) => void) {
    this.#held = held;
    this.#commit = commit;
  }

  /** One at a time; at once, where nobody waits. */
  async write(write: StoreWrite): Promise<Outcome> {
    if (this.#under === 0) {
      const outcome = this.#write(write);
      return outcome instanceof Promise ? this.#wait(outcome) : outcome;
    }
    return this.#wait(this.#turn.then(() => this.#write(write)));
  }

  #wait(outcome: Promise<Outcome>): Promise<Outcome> {
    this.#under++;
    const ended = (): void => void this.#under--;
    this.#turn = outcome.then(ended, ended);
    return outcome;
  }

  #write(write: StoreWrite): Outcome | Promise<Outcome> {
    const { principal, receipt, hash } = write.claim;
    const claim = JSON.stringify([principal, receipt.client, receipt.write]);
    const stored = this.#outcomes.get(claim);
    if (stored && stored.hash !== hash) return { answer: KEY_REUSED, logged: false };
    if (stored) {
      this.#commit([], { ...receipt, answer: stored.answer });
      return { answer: stored.answer, logged: true };
    }
    const conclude = (decided: Decided | null): Outcome => {
      if (!decided) return { answer: KEPT_CHANGING, logged: false };
      const { answer, changes } = decided;
      this.#outcomes.set(claim, { hash, answer });
      this.#commit(changes, { ...receipt, answer });
      return { answer, logged: true };
    };
    const decided = this.#decide(write, JUDGEMENTS);
    return decided instanceof Promise ? decided.then(conclude) : conclude(decided);
  }

  /** Null: the rows were never as they were judged. */
  #decide(write: StoreWrite, times: number): Decided | null | Promise<Decided | null> {
    const again = (decided: Decided | null): Decided | null | Promise<Decided | null> =>
      decided ?? (times > 1 ? this.#decide(write, times - 1) : null);
    const decided = this.#try(write);
    return decided instanceof Promise ? decided.then(again) : again(decided);
  }

  #try(write: StoreWrite): Decided | null | Promise<Decided | null> {
    const draft = new Draft(this.#held);
    const { steps } = write;
    const befores = steps.map((step) => (step.kind === 'row' ? rowOf(draft, step) : null));
    const verdicts = judgeAll(steps, befores);
    return verdicts instanceof Promise ? verdicts.then((judged) => this.#act(write, judged, draft)) : this.#act(write, verdicts, draft);
  }

  #act({ answer }: StoreWrite, allowed: Verdicts, draft: Draft): Decided | null | Promise<Decided | null> {
    if (draft.isStale) return null; // what the app publishes waits for nobody
    if (isRefused(allowed)) return { answer: allowed, changes: [] };
    const made: Json[] = [];
    const from = (start: number): Decided | null | Promise<Decided | null> => {
      for (let at = start; at < allowed.length; at++) {
        const each = allowed[at] as Allowed;
        const refused = (error: unknown): Decided => {
          if (!(error instanceof Refusal)) throw error;
          return { answer: placed(each.step, error.answer), changes: [] };
        };
        try {
          const done = this.#do(each, draft);
          if (done instanceof Promise) return done.then((key) => (made.push(key), from(at + 1)), refused);
          made.push(done);
        } catch (error) {
          return refused(error);
        }
      }
      // A hook may have published what it did itself, and is not to do it again.
      if (draft.isStale && allowed.every(({ judgement }) => judgement.verdict === 'write')) return null;
      return { answer: answer(made), changes: draft.changes };
    };
    return from(0);
  }

  #do(each: Allowed, draft: Draft): Json | Promise<Json> {
    const { step, before, judgement } = each;
    if (judgement.verdict === 'hook') return this.#run(each, judgement.run, draft);
    if (step.kind === 'call') return null;
    const { table, action } = step;
    // By now an earlier step may have changed it, or done away with it.
    const row = before && rowOf(draft, step);
    if (step.key && !row) throw new Refusal(NOT_FOUND);
    const after = action === 'delete' ? null : this.#row(table, row, { values: judgement.values, draft });
    const key = keyText(table, (after ?? row) as Image);
    if (after && (!row || keyText(table, row) !== key) && draft.find(table, key)) throw new Refusal(taken(table));
    draft.change({ table, before: row, after });
    return JSON.parse(key) as Json;
  }

  /** The app does it itself. */
  async #run({ step, before }: Allowed, run: (tx: unknown) => unknown, draft: Draft): Promise<Json> {
    const row = step.kind === 'row' ? before && rowOf(draft, step) : null;
    if (step.kind === 'row' && step.key && !row) throw new Refusal(NOT_FOUND);
    const made = await run(null);
    return step.kind === 'row' && row ? keyJson(step.table, row) : (toWire(made) ?? null);
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

const KEY_REUSED: Answer = { ok: false, code: 'key_reused', message: 'this write id was used for another write' };
const KEPT_CHANGING: Answer = { ok: false, code: 'conflict', message: 'the row kept changing; look at it and try again' };
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
