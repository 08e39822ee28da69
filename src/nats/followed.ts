import { notKept, overtaken, type Clock, type Entry, type Position } from '../core/index.ts';
import { Asked, type Reading } from './asked.ts';
import { entriesOf } from './bodies.ts';
import type { End } from './ledger.ts';
import { lost } from './line.ts';
import { Pulled } from './pulled.ts';
import type { Message } from './state.ts';
import type { Stream } from './stream.ts';

export interface Followed {
  readonly stream: Stream;
  readonly clock: Clock;
  look(): Promise<End>;
  floorOf(end: End): Promise<Position>;
}

/** Consumers in a row that brought nothing: more is a server that is not well, and its owner asks again later. */
const FRUITLESS = 5;

/**
 * Entries after a position. Where the server's consumer believes to be is not believed: every call names what came before it, and a consumer
 * that ends or falls silent is another one from the same position, be it of the same stream or of one that was made anew.
 */
export async function* followed(ledger: Followed, after: Position, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
  let at = after;
  /** Where what came did not follow: it is looked at once more, from the stream itself. */
  let doubted: Position | null = null;
  for (let fruitless = 0; !signal.aborted; fruitless++) {
    if (fruitless > FRUITLESS) throw lost('what it is read by ends as soon as it is made');
    const pulled = await unlessAborted(opened(ledger, at), signal);
    if (!pulled) continue;
    const close = (): void => pulled.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      const calls = new Whole();
      for (;;) {
        const message = await pulled.next();
        if (!message || signal.aborted) break;
        fruitless = 0;
        const call = calls.add(message);
        if (!call) continue;
        if (message.head.floor > at) throw overtaken(message.head.floor);
        const entries = entriesOf(call).filter(({ position }) => position > at);
        const [first, last] = [entries[0], entries.at(-1)];
        if (!first || !last) continue;
        if (first.prev > at) {
          if (doubted === at) throw overtaken(first.prev);
          doubted = at;
          break;
        }
        at = last.position;
        yield entries;
        if (signal.aborted) break;
      }
    } finally {
      signal.removeEventListener('abort', close);
      pulled.close();
    }
  }
}

async function opened({ stream, clock, look, floorOf }: Followed, at: Position): Promise<Reading | null> {
  const end = await look();
  const floor = await floorOf(end);
  if (at < floor) throw notKept(at, { floor, tail: end.state.tail });
  const seq = await firstAfter(stream, end, at);
  return Pulled.open(stream, clock, seq).catch((error: unknown) => {
    if (stream.line.held.aborted) throw error;
    return new Asked(stream, clock, seq);
  });
}

/** The number of the message with which what comes after the position begins. */
async function firstAfter(stream: Stream, { info, state, next }: End, at: Position): Promise<number> {
  if (at >= state.tail) return next;
  let [from, to] = [Math.max(info.first, state.head), info.last];
  // Who comes back is mostly not far behind: it is looked for from the end, in steps that double.
  for (let step = 1; from < to; step *= 2) {
    const probe = Math.max(to - step, Math.floor((from + to) / 2));
    const message = await stream.next(probe);
    if (message && message.head.seq <= to && message.head.tail <= at) from = message.head.seq + 1;
    else to = probe;
  }
  const message = await stream.next(from);
  return message ? message.head.seq - message.head.part + 1 : next;
}

/** Puts calls together that came in several messages; one of which something is missing was never finished, or is trimmed. */
class Whole {
  #parts: Message[] = [];

  add(message: Message): readonly Message[] | null {
    const { part, parts, seq } = message.head;
    const last = this.#parts.at(-1)?.head;
    if (part > 1 && !(last?.part === part - 1 && last.seq === seq - 1)) return null;
    if (part === 1) this.#parts = [];
    this.#parts.push(message);
    return part === parts ? this.#parts : null;
  }
}

/** Null once it is aborted, whatever becomes of it. */
function unlessAborted(opening: Promise<Reading | null>, signal: AbortSignal): Promise<Reading | null> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(null);
    signal.addEventListener('abort', abort, { once: true });
    opening
      .then(
        (pulled) => {
          if (signal.aborted) pulled?.close();
          resolve(pulled);
        },
        (error: Error) => (signal.aborted ? resolve(null) : reject(error)),
      )
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
