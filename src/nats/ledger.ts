import { appendRefusal, type RowcastError, sizeOf, type BrokerOptions, type Entry, type Ledger, type Position } from '../core/index.ts';
import { Calls, type Call } from './calls.ts';
import { bodiesOf } from './bodies.ts';
import { followed } from './followed.ts';
import { encode, HEAD, stateOf, unbegun, type Part, type State } from './state.ts';
import type { Stream, StreamInfo } from './stream.ts';

/** The stream's end, as it was when it was last looked at. */
export interface End {
  readonly info: StreamInfo;
  /** The last message's subject and number; null when there is none. */
  readonly subject: string | null;
  readonly own: number;
  readonly state: State;
  /** Where the next call's messages begin to be looked for: at the last message when that is a part of an unfinished call. */
  readonly next: number;
}

/** Messages that have gone and are still on the server's disk: removed together, when they are this many and a quarter of those kept. */
const SPENT = 128;
/** Entries of several calls that go in one message, at most. */
const TOGETHER = 500;

interface Waiting {
  readonly entries: readonly Entry[];
  readonly term: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A ledger in one JetStream stream. A message is an append, or a part of a large one, or the beginning of a term, and its first line says how
 * the ledger is from then on: so the last message is all that a process has to know. Each leader's messages have a subject of their own, and the
 * server takes one iff the stream's last message is the one expected, under that very subject: that is the fence.
 */
export class NatsLedger implements Ledger {
  readonly #stream: Stream;
  readonly #options: BrokerOptions;
  readonly #calls: Calls;
  #end: End | null = null;
  /** One after the other here; the server sees to it among processes. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #waiting: Waiting[] = [];
  #purged = 0;
  #isPurging = false;

  constructor(stream: Stream, options: BrokerOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#calls = new Calls(stream, options.bounds);
  }

  async floor(): Promise<Position> {
    return this.#floorOf(await this.#look());
  }

  async tail(): Promise<Position> {
    return (await this.#look()).state.tail;
  }

  lead(least = 0, start: Position = this.#options.start): Promise<number> {
    return this.#inTurn(async () => {
      for (;;) {
        const end = await this.#look();
        const state = end.subject === null ? unbegun(start, end.info.last + 1) : end.state;
        const term = Math.max(state.term + 1, least);
        if (await this.#begun(end, { ...state, term })) return term;
      }
    });
  }

  append(entries: readonly Entry[], term: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, term, resolve, reject });
      void this.#inTurn(() => this.#appendWaiting());
    });
  }

  follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]> {
    return followed(
      { stream: this.#stream, clock: this.#options.clock, look: () => this.#look(), floorOf: (end) => this.#floorOf(end) },
      after,
      signal,
    );
  }

  /** Calls that came while one was on its way go together, where they follow one another: the server's answer is what takes time. */
  async #appendWaiting(): Promise<void> {
    const first = this.#waiting.shift();
    if (!first) return;
    const together = [first];
    const entries = [...first.entries];
    for (let next = this.#waiting[0]; next && entries.length + next.entries.length <= TOGETHER; next = this.#waiting[0]) {
      if (next.term !== first.term || next.entries[0]?.prev !== entries.at(-1)?.position) break;
      together.push(next);
      entries.push(...next.entries);
      this.#waiting.shift();
    }
    try {
      await this.#append(entries, first.term);
      for (const { resolve } of together) resolve();
    } catch (error) {
      const isOne = together.length === 1 || (error as RowcastError).code === 'ledger_lost';
      // Which of them is wrong is each one's own to hear.
      for (const each of together) {
        if (isOne) each.reject(error);
        else await this.#append(each.entries, each.term).then(each.resolve, each.reject);
      }
    }
  }

  async #append(entries: readonly Entry[], term: number): Promise<void> {
    // What is remembered is enough to be taken, by the server's own look; only what it is now is enough to be refused.
    let isNow = this.#end === null || entries.length === 0;
    let end = isNow ? await this.#look() : (this.#end as End);
    for (let refused = 0; ; end = await this.#look(), isNow = true) {
      const refusal = appendRefusal(end.state, entries, term);
      if (refusal && isNow) throw refusal;
      if (refusal) continue;
      if (entries.length === 0 || (await this.#appended(entries, end))) return;
      // A server may forget which message is a subject's last when that was deleted by hand (2.9 does): the term goes on under another.
      if (isNow && ++refused > 1) await this.#begun(end, end.state);
    }
  }

  /** Writes this state as it is, under a subject of its own. */
  async #begun({ info }: End, state: State): Promise<boolean> {
    const head: Part = { ...state, seq: info.last + 1, prev: state.tail, part: 1, parts: 1 };
    const subject = this.#stream.subject(this.#options.clock.id());
    if (!(await this.#publish(subject, [encode(head, new Uint8Array())], { last: info.last, own: null }))) return false;
    this.#end = { info: grown(info, 1), subject, own: head.seq, state, next: head.seq + 1 };
    return true;
  }

  async #appended(entries: readonly Entry[], end: End): Promise<boolean> {
    const { info, subject, own, state } = end;
    if (subject === null) return false;
    const bodies = bodiesOf(entries, this.#stream.line.largest - HEAD);
    const call = this.#callOf(entries, end, bodies.length);
    this.#calls.add(call);
    const bytes = call.sizes.reduce((sum, size) => sum + size, state.bytes);
    const tail = (entries.at(-1) as Entry).position;
    const added = { ...state, tail, at: call.at, count: state.count + entries.length, bytes };
    try {
      const after = await this.#calls.trimmed(added, info.last);
      const messages = bodies.map((body, index) => {
        const part = { seq: call.seq + index, prev: call.prev, part: index + 1, parts: bodies.length };
        return encode({ ...stateOf(index + 1 < bodies.length ? state : after), ...part }, body);
      });
      const isTaken = await this.#publish(subject, messages, { last: info.last, own });
      if (!isTaken) this.#calls.forget();
      else {
        const last = info.last + messages.length;
        this.#end = { info: grown(info, messages.length), subject, own: last, state: after, next: last + 1 };
        this.#purge(after, last);
      }
      return isTaken;
    } catch (error) {
      // Taken or not: the stream knows.
      this.#end = null;
      this.#calls.forget();
      throw error;
    }
  }

  #callOf(entries: readonly Entry[], { info, state }: End, parts: number): Call {
    return {
      seq: info.last + 1,
      parts,
      prev: state.tail,
      at: Math.max(this.#options.clock.time(), state.at),
      count: state.count,
      bytes: state.bytes,
      positions: entries.map(({ position }) => position),
      sizes: entries.map(sizeOf),
    };
  }

  /** All of the messages or, where the first is refused, none: each is expected right after the one before it. */
  async #publish(subject: string, messages: readonly Uint8Array[], { last, own }: { last: number; own: number | null }): Promise<boolean> {
    const taken = await Promise.all(
      messages.map((message, index) =>
        this.#stream.publish(subject, message, { last: last + index, own: index === 0 ? own : last + index }),
      ),
    );
    return taken.every(Boolean);
  }

  async #look(): Promise<End> {
    for (;;) {
      const info = await this.#stream.info();
      const known = this.#end;
      const isSame = known?.info.created === info.created && info.messages > 0;
      if (known && isSame && known.info.last === info.last && known.info.lastAt === info.lastAt) return (this.#end = { ...known, info });
      const end = await this.#read(info);
      if (!end) continue;
      if (!isSame || end.subject !== known.subject || end.own < known.own) this.#calls.forget();
      return (this.#end = end);
    }
  }

  /** Null: what is there is another than what was there a moment ago. */
  async #read(info: StreamInfo): Promise<End | null> {
    const state = unbegun(this.#options.start, info.last + 1);
    if (info.messages === 0) return { info, subject: null, own: 0, state, next: info.last + 1 };
    // The last ones may have been taken away, by hand.
    for (let seq = info.last; seq >= info.first; seq--) {
      const message = await this.#stream.get(seq);
      if (!message) continue;
      const { head, subject } = message;
      const next = head.part < head.parts ? head.seq - head.part + 1 : info.last + 1;
      return { info, subject, own: seq, state: stateOf(head), next };
    }
    return null;
  }

  async #floorOf({ info, subject, state }: End): Promise<Position> {
    let { floor } = state;
    if (subject === null || state.count === state.goneCount) return floor;
    // Somebody else has taken what the last message still says is there.
    if (info.first > state.head) floor = larger(floor, await this.#prevFrom(info.first, info.last, state));
    const oldest = this.#options.clock.time() - this.#options.bounds.age;
    if (state.since >= oldest) return floor;
    if (state.at < oldest) return state.tail;
    let [from, to] = [Math.max(state.head, info.first), info.last];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const message = await this.#stream.next(middle);
      if (message && message.head.seq <= to && message.head.at < oldest) from = message.head.seq + 1;
      else to = middle;
    }
    return larger(floor, await this.#prevFrom(from, info.last, state));
  }

  /** What comes before the first call that is whole from this number on. */
  async #prevFrom(seq: number, last: number, { tail }: State): Promise<Position> {
    for (let at = seq; at <= last;) {
      const message = await this.#stream.next(at);
      if (!message) return tail;
      if (message.head.part === 1) return message.head.prev;
      at = message.head.seq + 1;
    }
    return tail;
  }

  /** Without waiting: what has gone takes room on the server, and nothing else. */
  #purge({ head }: State, last: number): void {
    const spent = head - this.#purged;
    if (this.#isPurging || spent < SPENT || spent < (last - head) / 4 || !this.#end) return;
    this.#isPurging = true;
    void this.#stream
      .purge(head, this.#end.info.created)
      .then(
        () => (this.#purged = head),
        () => undefined,
      )
      .finally(() => (this.#isPurging = false));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function grown(info: StreamInfo, messages: number): StreamInfo {
  return { ...info, last: info.last + messages, lastAt: '', messages: info.messages + messages };
}

function larger(one: Position, other: Position): Position {
  return one > other ? one : other;
}
