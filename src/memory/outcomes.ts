import type { Answer } from '../core/index.ts';

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
  #text = 0;

  get(claim: string): Stored | undefined {
    return this.#kept.get(claim);
  }

  /** A claim that is not there yet. */
  set(claim: string, stored: Stored): void {
    this.#kept.set(claim, stored);
    this.#text += textOf(stored);
    for (const [oldest, old] of this.#kept) {
      if (this.#kept.size <= MOST && this.#text <= MOST_TEXT) return;
      this.#kept.delete(oldest);
      this.#text -= textOf(old);
    }
  }
}

/** A key or a refusal is of no size; only a command says what it likes. */
function textOf({ answer }: Stored): number {
  return 'value' in answer ? JSON.stringify(answer.value).length : 0;
}
