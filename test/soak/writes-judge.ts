import type { Committed } from './history.ts';
import { marksIn } from './rules.ts';
import type { Kind } from './verdict.ts';

interface Write {
  readonly type: 'write';
  readonly id: number;
  readonly stream: string;
  readonly action: string;
  readonly pk?: unknown;
  readonly data?: Readonly<Record<string, unknown>>;
}

type Told =
  | { readonly type: 'result'; readonly id: number; readonly ok: boolean; readonly position?: string; readonly code?: string }
  | { readonly type: 'seen'; readonly id: number; readonly position: string };

interface State {
  readonly write: Write;
  /** Times it was asked, over all connections. */
  asked: number;
  /** … and on this connection, without an answer yet. */
  open: number;
  result: Extract<Told, { type: 'result' }> | null;
  position: string | null;
}

/** Where each mark that a client writes came into the database. */
export class Introductions {
  readonly #positions = new Map<string, string[]>();

  taken = 0;

  take({ position, changes }: Committed): void {
    this.taken++;
    const had = new Set(changes.flatMap(({ before }) => (before ? clientMarks(Object.values(before)) : [])));
    for (const { after } of changes) {
      for (const mark of after ? clientMarks(Object.values(after)) : []) {
        if (!had.has(mark)) this.#positions.set(mark, [...(this.#positions.get(mark) ?? []), position]);
      }
    }
  }

  of(mark: string): readonly string[] {
    return this.#positions.get(mark) ?? [];
  }
}

function clientMarks(texts: readonly (string | null)[]): readonly string[] {
  return texts.flatMap((text) => (text?.includes('~w') ? marksIn(text).filter((mark) => mark.startsWith('~w')) : []));
}

/** A client's writes: each is answered once on the connection that asked, and did what the answer says, once. */
export class WritesJudge {
  readonly #writes = new Map<number, State>();
  readonly #introductions: Introductions;
  readonly #report: (kind: Kind, about: string) => void;
  answers = 0;

  constructor(introductions: Introductions, report: (kind: Kind, about: string) => void) {
    this.#introductions = introductions;
    this.#report = report;
  }

  asked(write: Write): void {
    const state = this.#writes.get(write.id) ?? { write, asked: 0, open: 0, result: null, position: null };
    state.asked++;
    state.open++;
    this.#writes.set(write.id, state);
  }

  answered(told: Told): void {
    const state = this.#writes.get(told.id);
    if (!state) return this.#report('write', `an answer to ${told.id}, which was never asked`);
    const before = state.position;
    if (told.position !== undefined) state.position = told.position;
    if (before !== null && state.position !== before && state.asked === 1)
      this.#report('write', `${told.id} is said to be at ${before} and at ${told.position}`);
    if (told.type === 'seen') return;
    if (state.open === 0) this.#report('write', `a second answer to ${told.id}`);
    else state.open--;
    if (state.result && state.result.ok !== told.ok) this.#report('write', `${told.id} was ${state.result.ok} and is ${told.ok} now`);
    if (!state.result) this.answers++;
    state.result = told;
  }

  /** What was asked on a connection that is gone is not owed there any more. */
  closed(): void {
    for (const state of this.#writes.values()) state.open = 0;
  }

  get unanswered(): readonly number[] {
    return [...this.#writes.values()].filter(({ result }) => result === null).map(({ write }) => write.id);
  }

  /** At a quiet moment: what was answered is what happened. What was settled is forgotten. */
  settle(): void {
    for (const [id, { write, asked, result, position }] of this.#writes) {
      if (result === null) {
        this.#report('write', `${id} was never answered: ${JSON.stringify(write)}`);
        continue;
      }
      this.#writes.delete(id);
      const [mark] = marksIn(JSON.stringify(write.data ?? {}));
      if (mark === undefined) continue;
      const times = this.#introductions.of(mark);
      if (times.length !== (result.ok ? 1 : 0)) {
        this.#report('write', `${id} was answered ${JSON.stringify(result)}, and was applied ${times.length} times: ${times.join(', ')}`);
      } else if (result.ok && position !== null && (asked === 1 ? position !== times[0] : position < (times[0] ?? ''))) {
        // Whoever asks again is answered by a transaction of its own, which comes after the one that wrote.
        this.#report('write', `${id} is said to be at ${position}, and is at ${times[0]}`);
      }
    }
  }
}
