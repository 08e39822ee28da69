import type { Answer, Clock, Position, Receipt } from '../core/index.ts';
import type { ResultFrame } from '../protocol/index.ts';
import type { Outbox } from './outbox.ts';

/** How long an answer waits for its write to come back by the log: 2 s. */
const PATIENCE = 2_000;
const SWEEP = 250;
/** How long after that `seen` may still follow: 60 s. A log that is down longer has a reset to say so. */
const FORGOTTEN = 60_000;

/** One try of a write, until it is answered. */
export interface Expected {
  readonly receipt: Receipt;
  readonly box: Outbox<unknown>;
  readonly deadline: number;
  answer: Answer | null;
  /** The answer has gone out without a position: `seen` follows. */
  answered: boolean;
}

/**
 * Writes whose answer is on the way. The log brings the receipt back, often before the database has told the writer that it committed; the
 * answer goes out then, in front of the commit's own frame. Where the log is slow it goes out without a position. A client that came back asks
 * again while its earlier connection may still be at it: each try is answered on its own connection.
 */
export class Receipts {
  readonly #clock: Clock;
  readonly #flush: () => void;
  readonly #tries = new Map<string, Expected[]>();
  /** In the order of their deadlines. */
  readonly #all = new Set<Expected>();
  #sweeping = false;

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Before the write begins: from here on its receipt may come. */
  expect(receipt: Receipt, box: Outbox<unknown>): Expected {
    const expected: Expected = { receipt, box, deadline: this.#clock.now() + PATIENCE, answer: null, answered: false };
    const tries = this.#tries.get(keyOf(receipt));
    const earlier = tries?.find((each) => each.box === box);
    if (earlier) {
      // Asked again before the log has brought the first try back: that one is answered now, this one by the log.
      if (earlier.answer && !earlier.answered) box.send(resultOf(receipt.write, earlier.answer));
      this.#drop(earlier);
    }
    this.#all.add(expected);
    this.#tries.set(keyOf(receipt), [...(this.#tries.get(keyOf(receipt)) ?? []), expected]);
    return expected;
  }

  /** The database has answered. `logged`: a receipt is on its way. */
  answered(expected: Expected, answer: Answer, logged: boolean): void {
    if (!this.#all.has(expected)) return;
    // A refusal has no commit to wait for.
    if (logged && answer.ok) {
      expected.answer = answer;
      this.#sweep();
      return;
    }
    this.#drop(expected);
    expected.box.send(resultOf(expected.receipt.write, answer));
    this.#flush();
  }

  /** The log has brought it back. */
  arrived(receipt: Receipt, position: Position): void {
    for (const expected of this.#tries.get(keyOf(receipt)) ?? []) {
      const answer = expected.answer ?? receipt.answer;
      if (expected.answered) expected.box.send({ type: 'seen', id: receipt.write, position });
      else if (answer) expected.box.send(resultOf(receipt.write, answer, position));
      else continue;
      this.#drop(expected);
    }
  }

  forget(box: Outbox<unknown>): void {
    for (const expected of this.#all) if (expected.box === box) this.#drop(expected);
  }

  #drop(expected: Expected): void {
    this.#all.delete(expected);
    const left = this.#tries.get(keyOf(expected.receipt))?.filter((each) => each !== expected) ?? [];
    if (left.length > 0) this.#tries.set(keyOf(expected.receipt), left);
    else this.#tries.delete(keyOf(expected.receipt));
  }

  #sweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(SWEEP, () => {
      this.#sweeping = false;
      const now = this.#clock.now();
      let late = false;
      for (const expected of this.#all) {
        if (expected.deadline > now) break; // in the order they came
        if (expected.answered && expected.deadline + FORGOTTEN < now) this.#drop(expected);
        if (expected.answered || !expected.answer) continue;
        expected.answered = true;
        expected.box.send(resultOf(expected.receipt.write, expected.answer));
        late = true;
      }
      if (late) this.#flush();
      if (this.#all.size > 0) this.#sweep();
    });
  }
}

const keyOf = ({ client, write }: Receipt): string => `${client}/${write}`;

export function resultOf(id: number, answer: Answer, position?: Position): ResultFrame {
  if (!answer.ok) {
    const { code, message, fields } = answer;
    return { type: 'result', id, ok: false, code, message, ...(fields ? { fields } : {}) };
  }
  return { type: 'result', id, ok: true, pk: answer.pk, ...(position ? { position } : {}) };
}
