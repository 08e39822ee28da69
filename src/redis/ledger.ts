import {
  appendRefusal,
  notKept,
  overtaken,
  type BrokerOptions,
  type Entry,
  type Ledger,
  type Position,
  type RowcastError,
} from '../core/index.ts';
import { entriesOf, idOf, isChain, keptOf, messagesOf } from './batch.ts';
import type { Dial } from './clients.ts';
import { Line, type LineOptions } from './line.ts';
import type { Link } from './link.ts';
import { run, SCRIPTS, type Keys, type Sender } from './scripts.ts';

/** How long a follower waits for more before it looks whether the ledger it waits at is still that one, ms. */
const LOOK_EVERY = 1_000;

/** Messages a follower gets at once, at most. */
const MESSAGES = 32;

export interface LedgerParts {
  readonly link: Link;
  /** A follower waits on a connection of its own: what waits holds up whatever is sent after it. */
  readonly dial: Dial;
  readonly keys: Keys;
  readonly line: LineOptions;
}

interface State {
  readonly floor: Position;
  readonly tail: Position;
}

/** A ledger in a stream of Redis. Nothing that Redis says of a stream is trusted but its messages: each entry names the one before it. */
export class RedisLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #options: Pick<BrokerOptions, 'start' | 'bounds' | 'clock'>;

  constructor(parts: LedgerParts, options: Pick<BrokerOptions, 'start' | 'bounds' | 'clock'>) {
    this.#parts = parts;
    this.#options = options;
  }

  async floor(): Promise<Position> {
    return (await this.#look(this.#parts.link)).floor;
  }

  async tail(): Promise<Position> {
    return (await this.#look(this.#parts.link)).tail;
  }

  async lead(least = 0, start: Position = this.#options.start): Promise<number> {
    return Number(await run(this.#parts.link, SCRIPTS.lead, this.#parts.keys, [String(least), start]));
  }

  async append(entries: readonly Entry[], term: number): Promise<void> {
    const kept = keptOf(entries, this.#options.bounds);
    // A tail that there never is: the term is looked at first.
    const tails = isChain(entries) ? [entries[0]?.prev, kept[0]?.prev, entries.at(-1)?.position] : ['torn', '', ''];
    const args = [...this.#limits(), String(term), ...tails.map((tail) => tail ?? '')];
    for (const message of messagesOf(kept)) args.push(...message);
    const [wrong, what] = (await run(this.#parts.link, SCRIPTS.append, this.#parts.keys, args)) as readonly string[];
    if (wrong === 'fenced') throw appendRefusal({ term: Number(what), tail: '' }, entries, term) as RowcastError;
    if (wrong === 'conflict') throw appendRefusal({ term, tail: what as Position }, entries, term) as RowcastError;
  }

  async *follow(after: Position, signal: AbortSignal): AsyncGenerator<readonly Entry[]> {
    if (signal.aborted) return;
    const { dial, line: options, link, keys } = this.#parts;
    const either = AbortSignal.any([signal, link.signal]);
    let line: Line | undefined;
    const end = (): void => line?.close();
    signal.addEventListener('abort', end, { once: true });
    link.signal.addEventListener('abort', end, { once: true });
    try {
      line = await Line.dial(dial, options, either);
      for (let at = after; !either.aborted;) {
        const looking = this.#look(line);
        const read = line.send(['XREAD', 'COUNT', String(MESSAGES), 'BLOCK', String(LOOK_EVERY), 'STREAMS', keys.log, idOf(at)], keys.log);
        read.catch(() => undefined);
        const { floor, tail } = await looking;
        if (floor > at) throw notKept(at, { floor, tail });
        const batch = entriesOf(await read).filter(({ position }) => position > at);
        for (const { prev, position } of batch) {
          if (prev > at) throw overtaken(prev);
          at = position;
        }
        if (batch.length > 0 && !either.aborted) yield batch;
      }
      if (!signal.aborted) throw link.signal.reason;
    } catch (error) {
      if (!signal.aborted) throw link.signal.aborted ? link.signal.reason : error;
    } finally {
      end();
      signal.removeEventListener('abort', end);
      link.signal.removeEventListener('abort', end);
    }
  }

  async #look(sender: Sender): Promise<State> {
    const { start } = this.#options;
    const [, floor = start, tail = start] = (await run(sender, SCRIPTS.look, this.#parts.keys, this.#limits())) as readonly string[];
    return { floor, tail };
  }

  #limits(): string[] {
    const { bounds, clock } = this.#options;
    const limits = [bounds.entries, bounds.bytes, bounds.age].map((limit) => Math.min(limit, Number.MAX_SAFE_INTEGER));
    return [clock.time(), ...limits].map((number) => String(Math.floor(number)));
  }
}
