import type { Answer, Clock, Position, Receipt } from '../../core/index.ts';
import type { Asked, Refused, ResultFrame } from '../../protocol/index.ts';
import { listOf, withOne, without, type Some } from './members.ts';
import type { Outbox } from './outbox.ts';

/** How long an answer waits for its write to come back by the log: 2 s. */
const PATIENCE = 2_000;
const SWEEP = 250;
/** Writes that wait for the log, at most: those whose `seen` is to follow do so for as long as it is away. */
const MOST = 10_000;

/** What is told of a row with a refusal, once it is known who may hear it. */
export type Telling = (refused: Refused) => Refused;

/** One try of a write, until it is answered. */
export interface Expected {
  /** Whose it is, and which. */
  readonly key: string;
  readonly receipt: Receipt;
  readonly box: Outbox<unknown>;
  /** By which it is answered. */
  readonly asked: Asked;
  readonly deadline: number;
  answer: Answer | null;
  /** What a refusal tells beside itself, by what the asker may see where the log stands when it brings it. */
  telling: Telling | null;
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
  /** The same by connection: many may go at once, and none looks at what is another's. */
  readonly #own = new Map<Outbox<unknown>, Some<Expected>>();
  /** Whose connections hear of what the app left for them, and the other way round. */
  readonly #named = new Map<string, Set<Outbox<unknown>>>();
  readonly #names = new Map<Outbox<unknown>, string>();
  #sweeping = false;

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Before the write begins: from here on its receipt may come. */
  expect(receipt: Receipt, box: Outbox<unknown>, asked: Asked): Expected {
    const key = keyOf(receipt);
    const expected: Expected = {
      key,
      receipt,
      box,
      asked,
      deadline: this.#clock.now() + PATIENCE,
      answer: null,
      telling: null,
      answered: false,
    };
    const earlier = this.#tries.get(key)?.find((each) => each.box === box && each.asked.client === asked.client);
    if (earlier) {
      // Asked again before the log has brought the first try back: that one is answered now, this one by the log.
      if (earlier.answer && !earlier.answered) box.send(resultOf(earlier.asked, earlier.answer));
      this.#drop(earlier);
    }
    this.#all.add(expected);
    this.#own.set(box, withOne(this.#own.get(box), expected));
    const others = this.#tries.get(key);
    this.#tries.set(key, others ? [...others, expected] : [expected]);
    return expected;
  }

  /** The database has answered. `logged`: a receipt is on its way. */
  answered(expected: Expected, answer: Answer, logged: boolean): void {
    if (!this.#all.has(expected)) return;
    // A refusal has no commit to wait for, unless it tells of a row: whether that may be seen is known where the log has come to it.
    if (logged && (answer.ok || expected.telling)) {
      expected.answer = answer;
      this.#sweep();
      return;
    }
    this.#drop(expected);
    expected.box.send(resultOf(expected.asked, answer));
    this.#flush();
  }

  /** Receipts that the app leaves for this name are told to the connection. */
  listen(name: string, box: Outbox<unknown>): void {
    const boxes = this.#named.get(name);
    if (boxes) boxes.add(box);
    else this.#named.set(name, new Set([box]));
    this.#names.set(box, name);
  }

  /** The log has brought it back. @returns who has been told so, and is to come to that position. */
  arrived(receipt: Receipt, position: Position): Iterable<Outbox<unknown>> {
    const listening = this.#named.get(receipt.client) ?? NOBODY;
    for (const box of listening) box.send({ type: 'seen', id: receipt.write, position });
    const tries = this.#tries.get(keyOf(receipt));
    if (!tries) return listening;
    const told: Outbox<unknown>[] = [];
    for (const expected of tries) {
      const { asked, box, telling } = expected;
      if (receipt.hash !== undefined && receipt.hash !== expected.receipt.hash) continue; // of another write under the same id: this one is told so by the store
      const answer = expected.answer ?? receipt.answer;
      if (expected.answered) box.send({ type: 'seen', ...asked, position });
      else if (answer) box.send(resultOf(asked, answer.ok || !telling ? answer : telling(answer), position));
      else continue;
      told.push(box);
      this.#drop(expected);
    }
    return told;
  }

  forget(box: Outbox<unknown>): void {
    for (const expected of [...listOf(this.#own.get(box))]) this.#drop(expected);
    const name = this.#names.get(box);
    if (name === undefined) return;
    this.#names.delete(box);
    const boxes = this.#named.get(name);
    if (boxes?.delete(box) && boxes.size === 0) this.#named.delete(name);
  }

  #drop(expected: Expected): void {
    if (!this.#all.delete(expected)) return;
    const { box } = expected;
    if (!without(this.#own.get(box), expected)) this.#own.delete(box);
    const tries = this.#tries.get(expected.key) ?? [];
    if (tries.length > 1)
      this.#tries.set(
        expected.key,
        tries.filter((each) => each !== expected),
      );
    else this.#tries.delete(expected.key);
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
        if (expected.answered || !expected.answer) continue;
        if (expected.answer.ok) expected.answered = true;
        else this.#drop(expected);
        expected.box.send(resultOf(expected.asked, expected.answer));
        late = true;
      }
      this.#relieve();
      if (late) this.#flush();
      if (this.#all.size > 0) this.#sweep();
    });
  }

  /** Who comes back takes what was committed for what the rows that come next have. */
  #relieve(): void {
    for (const expected of this.#all) {
      if (this.#all.size <= MOST) return;
      if (!expected.answered) continue;
      this.#drop(expected);
      expected.box.end('overloaded', 'the log is away, and too many writes wait for it: come back');
    }
  }
}

const keyOf = ({ client, write }: Receipt): string => `${client}/${write}`;

const NOBODY: readonly Outbox<unknown>[] = [];

export function resultOf({ id, client }: Asked, answer: Answer, position?: Position): ResultFrame {
  const asked = { type: 'result', id, ...(client === undefined ? {} : { client }) } as const;
  return answer.ok ? { ...asked, ...answer, ...(position && { position }) } : { ...asked, ...answer };
}
