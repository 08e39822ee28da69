import { sizeOf, type LedgerBounds, type Position } from '../core/index.ts';
import { entriesOf } from './bodies.ts';
import type { Message, State } from './state.ts';
import type { Stream } from './stream.ts';

/** What trimming has to know of the entries of one append. */
export interface Call {
  readonly seq: number;
  readonly parts: number;
  readonly prev: Position;
  readonly at: number;
  /** Entries and bytes that ever were before it. */
  readonly count: number;
  readonly bytes: number;
  readonly positions: readonly Position[];
  readonly sizes: readonly number[];
}

/** Messages that are asked for before they are needed, where another leader's calls are trimmed. */
const AHEAD = 16;

/** The kept calls, as far as they are known: those appended here, and those of leaders before as they are come to. */
export class Calls {
  readonly #stream: Stream;
  readonly #bounds: LedgerBounds;
  readonly #known = new Map<number, Call>();
  readonly #coming = new Map<number, Promise<Message | null>>();

  constructor(stream: Stream, bounds: LedgerBounds) {
    this.#stream = stream;
    this.#bounds = bounds;
  }

  add(call: Call): void {
    this.#known.set(call.seq, call);
  }

  /** Whatever was thought to be where: it is asked for again. */
  forget(): void {
    this.#known.clear();
    this.#coming.clear();
  }

  /** The state without what passes a bound now; `last` is the last message there is, or is about to be. */
  async trimmed(state: State, last: number): Promise<State> {
    const { entries: most, bytes: largest, age } = this.#bounds;
    const oldest = state.at - age;
    let { floor, head, since, goneCount, goneBytes } = state;
    const isOver = (): boolean => {
      const kept = state.count - goneCount;
      return since < oldest || (kept > 1 && (kept > most || state.bytes - goneBytes > largest));
    };
    while (goneCount < state.count && isOver()) {
      const call = await this.#from(head, last);
      if (!call) break;
      // Somebody else has taken what was before.
      if (call.count > goneCount) [goneCount, goneBytes, floor] = [call.count, call.bytes, call.prev];
      [head, since] = [call.seq, call.at];
      for (let index = goneCount - call.count; index < call.positions.length && isOver(); index++) {
        floor = call.positions[index] as Position;
        goneCount++;
        goneBytes += call.sizes[index] as number;
      }
      if (goneCount < call.count + call.positions.length) break;
      this.#known.delete(call.seq);
      head = call.seq + call.parts;
      // When the next one came decides whether it goes too.
      const next = goneCount < state.count ? await this.#from(head, last) : null;
      if (next) [head, since] = [next.seq, next.at];
    }
    return { ...state, floor, head, since, goneCount, goneBytes };
  }

  /** The first whole call from this number on. */
  async #from(seq: number, last: number): Promise<Call | null> {
    for (let at = seq; ; at++) {
      const known = this.#known.get(at);
      if (known) return known;
      if (at > last) return null;
      const messages = await this.#whole(at, last);
      const call = messages && callOf(messages);
      if (call) this.#known.set(at, call);
      if (call) return call;
      // Gone, or a part of what was never finished: there may be many of the one, and few of the other.
      const next = await this.#stream.next(at + 1);
      at = Math.min(next?.head.seq ?? last + 1, last + 1) - 1;
    }
  }

  /** The messages of the call that begins there; null when there is none, or not all of it. */
  async #whole(seq: number, last: number): Promise<readonly Message[] | null> {
    const messages: Message[] = [];
    for (let [at, end] = [seq, seq]; at <= end; at++) {
      const message = await this.#read(at, last);
      if (message?.head.part !== at - seq + 1) return null;
      messages.push(message);
      end = seq + message.head.parts - 1;
    }
    return messages;
  }

  #read(seq: number, last: number): Promise<Message | null> {
    for (let at = seq; at <= Math.min(seq + AHEAD, last); at++) {
      if (this.#coming.has(at) || this.#known.has(at)) continue;
      const coming = this.#stream.get(at);
      coming.catch(() => this.#coming.clear());
      this.#coming.set(at, coming);
    }
    const message = this.#coming.get(seq) ?? this.#stream.get(seq);
    this.#coming.delete(seq);
    return message;
  }
}

function callOf(messages: readonly Message[]): Call {
  const [entries, first, last] = [entriesOf(messages), messages[0] as Message, messages.at(-1) as Message];
  const sizes = entries.map(sizeOf);
  return {
    seq: first.head.seq,
    parts: messages.length,
    prev: first.head.prev,
    at: last.head.at,
    count: last.head.count - entries.length,
    bytes: last.head.bytes - sizes.reduce((sum, size) => sum + size, 0),
    positions: entries.map(({ position }) => position),
    sizes,
  };
}
