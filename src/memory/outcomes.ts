import { Shelf, type Answer } from '../core/index.ts';

export interface Stored {
  readonly hash: string;
  readonly answer: Answer;
}

/** Answers kept at most, and characters of what commands gave in them: 100,000, 16 Mi. */
const MOST = 100_000;
const MOST_TEXT = 16 * 1024 * 1024;

/** What was answered under which claim, the oldest forgotten first. */
export class Outcomes {
  readonly #kept = new Map<string, Stored>();
  /** In order: a map that has lost its first keys looks for the first that is left ever longer. */
  readonly #order = new Shelf<string>();
  /** Those of them that have text. */
  readonly #texts = new Shelf<string>();
  #text = 0;

  get(claim: string): Stored | undefined {
    return this.#kept.get(claim);
  }

  /** A claim that is not there yet. Over the text there may be only what has text is forgotten, and never the last one. */
  set(claim: string, stored: Stored): void {
    const text = textOf(stored);
    this.#kept.set(claim, stored);
    this.#order.push(claim);
    if (text > 0) this.#texts.push(claim);
    this.#text += text;
    while (this.#order.size > MOST) this.#forget(this.#order.shift() as string);
    while (this.#text > MOST_TEXT && this.#texts.size > 1) this.#forget(this.#texts.at(this.#texts.first) as string);
  }

  #forget(claim: string): void {
    const stored = this.#kept.get(claim);
    this.#kept.delete(claim);
    if (this.#texts.at(this.#texts.first) === claim) this.#texts.shift();
    if (stored) this.#text -= textOf(stored);
  }
}

/** A key or a refusal is of no size; only a command says what it likes. */
function textOf({ answer }: Stored): number {
  return 'value' in answer ? JSON.stringify(answer.value).length : 0;
}
