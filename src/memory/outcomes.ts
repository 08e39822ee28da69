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
  #text = 0;

  get(claim: string): Stored | undefined {
    return this.#kept.get(claim);
  }

  /** A claim that is not there yet. */
  set(claim: string, stored: Stored): void {
    this.#kept.set(claim, stored);
    this.#order.push(claim);
    this.#text += textOf(stored);
    while (this.#order.size > MOST || this.#text > MOST_TEXT) {
      const oldest = this.#order.at(this.#order.first) as string;
      this.#order.shift();
      this.#text -= textOf(this.#kept.get(oldest) as Stored);
      this.#kept.delete(oldest);
    }
  }
}

/** A key or a refusal is of no size; only a command says what it likes. */
function textOf({ answer }: Stored): number {
  return 'value' in answer ? JSON.stringify(answer.value).length : 0;
}
