import type { Answer, Clock, Position, Receipt } from '../core/index.ts';
import type { ResultFrame } from '../protocol/index.ts';
import type { Outbox } from './outbox.ts';

/** How long an answer waits for its write to come back by the log: 2 s. */
const PATIENCE = 2_000;
const SWEEP = 250;
/** How long after that `seen` may still follow: 60 s. A log that is down longer has a reset to say so. */
const FORGOTTEN = 60_000;

interface Waiting {
  readonly box: Outbox<unknown>;
  readonly id: number;
  readonly deadline: number;
  answer: Answer | null;
  /** The answer has gone out without a position: `seen` follows. */
  answered: boolean;
}

/**
 * Writes whose answer is on the way. The log brings the receipt back, often before the database has told the writer that it committed; the
 * answer goes out then, in front of the commit's own frame. Where the log is slow it goes out without a position.
 */
export class Receipts {
  readonly #clock: Clock;
  readonly #flush: () => void;
  readonly #waiting = new Map<string, Waiting>();
  #sweeping = false;

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Before the write begins: from here on its receipt may come. */
  expect(receipt: Receipt, box: Outbox<unknown>): void {
    const key = keyOf(receipt);
    const earlier = this.#waiting.get(key);
    // Asked again before the log has brought the first try back: that one is answered now, this one by the log.
    if (earlier?.answer && !earlier.answered) earlier.box.send(resultOf(earlier.id, earlier.answer));
    this.#waiting.delete(key); // the map is in the order of deadlines
    this.#waiting.set(key, { box, id: receipt.write, deadline: this.#clock.now() + PATIENCE, answer: null, answered: false });
  }

  /** The database has answered. `logged`: a receipt is on its way. */
  answered(receipt: Receipt, answer: Answer, logged: boolean): void {
    const key = keyOf(receipt);
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    // A refusal has no commit to wait for.
    if (logged && answer.ok) {
      waiting.answer = answer;
      this.#sweep();
      return;
    }
    this.#waiting.delete(key);
    waiting.box.send(resultOf(waiting.id, answer));
    this.#flush();
  }

  /** The log has brought it back. */
  arrived(receipt: Receipt, position: Position): void {
    const key = keyOf(receipt);
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    if (waiting.answered) {
      waiting.box.send({ type: 'seen', id: waiting.id, position });
      return;
    }
    const answer = waiting.answer ?? receipt.answer;
    if (answer) waiting.box.send(resultOf(waiting.id, answer, position));
  }

  forget(box: Outbox<unknown>): void {
    for (const [key, waiting] of this.#waiting) if (waiting.box === box) this.#waiting.delete(key);
  }

  #sweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#clock.after(SWEEP, () => {
      this.#sweeping = false;
      const now = this.#clock.now();
      let late = false;
      for (const [key, waiting] of this.#waiting) {
        if (waiting.deadline > now) break; // in the order they came
        if (waiting.answered && waiting.deadline + FORGOTTEN < now) this.#waiting.delete(key);
        if (waiting.answered || !waiting.answer) continue;
        waiting.answered = true;
        waiting.box.send(resultOf(waiting.id, waiting.answer));
        late = true;
      }
      if (late) this.#flush();
      if (this.#waiting.size > 0) this.#sweep();
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
