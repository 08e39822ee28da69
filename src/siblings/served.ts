import type { Socket } from 'node:net';
import { RowcastError, type Entry, type GroupMessage, type Ledger, type Log, type Position } from '../core/index.ts';
import { partsOf, type Bodies } from './bodies.ts';
import { FORM, type Hello } from './link.ts';
import { frameOf, FrameSocket, jsonOf, KIND, parsed, type Frame } from './wire.ts';

/** Who takes no more of what it is told without asking is cut off, and comes back when it does. */
const UNSENT = 16 * 1024 * 1024; // bytes

/** What one who is served is served from. */
export interface Serving {
  readonly ledger: Ledger;
  readonly bodies: Bodies;
  readonly options: { readonly epoch: string; readonly log: Log };
  spread(message: GroupMessage): void;
}

/** A follower elsewhere: a batch goes out for each one that it asked for, and what it has not asked for is what the ledger keeps. */
interface Follower {
  readonly ended: AbortController;
  asked: number;
  wake: () => void;
}

/** One sibling, as the one who keeps the ledger has it. */
export class Served {
  readonly #from: Serving;
  readonly #frames: FrameSocket;
  readonly #followers = new Map<number, Follower>();
  #isKnown = false;

  constructor(from: Serving, socket: Socket) {
    this.#from = from;
    this.#frames = new FrameSocket(socket, (frame) => this.#hear(frame));
  }

  /** What it did not ask for. */
  tell(frame: Buffer): void {
    if (!this.#isKnown) return;
    if (this.#frames.unsent > UNSENT) {
      this.#from.options.log.warn({ unsent: this.#frames.unsent }, 'siblings: a process reads nothing and is cut off');
      return this.#frames.destroy();
    }
    this.#frames.write(frame);
  }

  close(): void {
    this.#frames.destroy();
    for (const follower of this.#followers.values()) follower.ended.abort();
    this.#followers.clear();
  }

  #hear({ kind, id, body }: Frame): void {
    const { ledger } = this.#from;
    if (!this.#isKnown && kind !== KIND.hello) throw new Error('who does not say hello is none of us');
    switch (kind) {
      case KIND.hello:
        return this.#greet(parsed<Hello>(body));
      case KIND.floor:
        return this.#answer(id, ledger.floor());
      case KIND.tail:
        return this.#answer(id, ledger.tail());
      case KIND.lead: {
        const [least, start] = parsed<[number | null, Position | null]>(body);
        return this.#answer(id, ledger.lead(least ?? undefined, start ?? undefined));
      }
      case KIND.append: {
        // Of its own: a piece of what was read would keep all of that.
        const text = Buffer.from(body.subarray(8));
        const entries = parsed<readonly Entry[]>(text);
        this.#from.bodies.keep(entries, text);
        return this.#answer(id, ledger.append(entries, body.readDoubleBE(0)));
      }
      case KIND.follow:
        return void this.#follow(id, body.toString());
      case KIND.more: {
        const follower = this.#followers.get(id);
        if (!follower) return;
        follower.asked++;
        return follower.wake();
      }
      case KIND.leave:
        this.#followers.get(id)?.ended.abort();
        this.#followers.delete(id);
        return;
      case KIND.send:
        // First to whoever sent it, too: once it is answered, it has been heard.
        this.#from.spread(parsed<GroupMessage>(body));
        return this.#frames.write(frameOf(KIND.answer, id, jsonOf(null)));
      case KIND.ping:
        return this.#frames.write(frameOf(KIND.pong, 0));
      default:
        throw new Error(`no frame has the kind ${kind}`);
    }
  }

  #greet({ form, epoch }: Hello): void {
    if (form === FORM && epoch === this.#from.options.epoch) {
      this.#isKnown = true;
      return this.#frames.write(frameOf(KIND.answer, 0, jsonOf(null)));
    }
    const why = form === FORM ? "another database's ledger is kept there" : 'it speaks as another version of Rowcast does';
    this.#frames.write(frameOf(KIND.refused, 0, jsonOf(['ledger_lost', why])));
  }

  #answer(id: number, coming: Promise<unknown>): void {
    coming.then(
      (value) => this.#frames.write(frameOf(KIND.answer, id, jsonOf(value ?? null))),
      (error: unknown) => this.#refuse(id, error),
    );
  }

  #refuse(id: number, error: unknown): void {
    const { code, message } = error instanceof RowcastError ? error : { code: 'ledger_lost', message: String(error) };
    this.#frames.write(frameOf(KIND.refused, id, jsonOf([code, message])));
  }

  async #follow(id: number, after: Position): Promise<void> {
    const follower: Follower = { ended: new AbortController(), asked: 0, wake: () => undefined };
    const { signal } = follower.ended;
    signal.addEventListener('abort', () => follower.wake(), { once: true });
    this.#followers.set(id, follower);
    const batches = this.#from.ledger.follow(after, signal)[Symbol.asyncIterator]();
    try {
      while (await isAsked(follower)) {
        const { done, value } = await batches.next();
        if (done) return;
        for (const part of partsOf(value)) {
          if (!(await isAsked(follower))) return;
          follower.asked--;
          this.#frames.write(frameOf(KIND.batch, id, this.#from.bodies.of(part)));
        }
      }
    } catch (error) {
      this.#refuse(id, error);
    } finally {
      this.#followers.delete(id);
      await batches.return?.();
    }
  }
}

/** Once it has asked for a batch; false: it is gone. */
async function isAsked(follower: Follower): Promise<boolean> {
  while (follower.asked === 0 && !follower.ended.signal.aborted) await new Promise<void>((resolve) => (follower.wake = resolve));
  return !follower.ended.signal.aborted;
}
