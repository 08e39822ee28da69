import { connect } from 'node:net';
import {
  RowcastError,
  type BrokerOptions,
  type Entry,
  type ErrorCode,
  type GroupMessage,
  type Ledger,
  type Position,
} from '../core/index.ts';
import { Followed } from './followed.ts';
import { FORM, lost, type Hello, type Link, type LinkEvents } from './link.ts';
import { frameOf, FrameSocket, jsonOf, KIND, parsed, type Frame } from './wire.ts';

/** Between two looks whether it is still there. */
const LOOK_MS = 1_000;
/** Looks at which nothing had come, after which it is as good as gone. Counted, so that who was frozen itself asks once more. */
const LOOKS = 5;
/** What waits for one that does not read. */
const UNSENT = 64 * 1024 * 1024; // bytes

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Nobody listens at the socket, or nobody answers: its place may be taken. */
export class Nobody extends Error {}

/** The ledger that a sibling keeps, over its socket. */
export class Remote implements Link {
  readonly ledger: Ledger;
  readonly #events: LinkEvents;
  readonly #options: BrokerOptions;
  readonly #frames: FrameSocket;
  readonly #calls = new Map<number, Call>();
  readonly #followed = new Map<number, Followed>();
  #last = 0;
  #quiet = 0;
  /** Whoever opened it knows it, and is to be told of its end. */
  #isLinked = false;

  /** @throws {Nobody} where nobody is; anything else: it may be somebody, and is to be asked again. */
  static async connect(path: string, { options, events }: { options: BrokerOptions; events: LinkEvents }): Promise<Remote> {
    let remote: Remote | undefined;
    const failed = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      const socket = connect(path);
      socket.once('error', resolve);
      socket.once('connect', () => {
        socket.off('error', resolve);
        remote = new Remote(socket, options, events);
        resolve(null);
      });
    });
    if (failed) throw failed.code === 'ECONNREFUSED' || failed.code === 'ENOENT' ? new Nobody(failed.message) : failed;
    await (remote as Remote).#greet();
    return remote as Remote;
  }

  private constructor(socket: ReturnType<typeof connect>, options: BrokerOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#frames = new FrameSocket(socket, (frame) => this.#hear(frame));
    socket.once('close', () => this.#end());
    this.ledger = {
      floor: () => this.#call<Position>(KIND.floor),
      tail: () => this.#call<Position>(KIND.tail),
      lead: (least, start) => this.#call<number>(KIND.lead, jsonOf([least ?? null, start ?? null])),
      append: async (entries, term) => void (await this.#call(KIND.append, termOf(term), jsonOf(entries))),
      follow: (after, signal) => this.#follow(after, signal),
    };
    this.#watch();
  }

  async send(message: GroupMessage): Promise<void> {
    await this.#call(KIND.send, jsonOf(message));
  }

  async close(): Promise<void> {
    this.#isLinked = false;
    this.#end();
  }

  async #greet(): Promise<void> {
    const hello: Hello = { form: FORM, epoch: this.#options.epoch };
    const greeted = new Promise((resolve, reject) => this.#calls.set(0, { resolve, reject }));
    this.#frames.write(frameOf(KIND.hello, 0, jsonOf(hello)));
    try {
      await greeted;
      this.#isLinked = true;
    } catch (error) {
      const isSilent = this.#quiet >= LOOKS;
      await this.close();
      throw isSilent ? new Nobody('who listens there does not answer') : error;
    }
  }

  #watch(): void {
    this.#options.clock.after(LOOK_MS, () => {
      if (!this.#frames.isOpen) return;
      if (++this.#quiet >= LOOKS) return this.#end();
      this.#frames.write(frameOf(KIND.ping, 0));
      this.#watch();
    });
  }

  #end(): void {
    this.#frames.destroy();
    const error = lost('the process that keeps the ledger is gone, or does not answer');
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    for (const followed of this.#followed.values()) followed.fail(error);
    this.#followed.clear();
    if (!this.#isLinked) return;
    this.#isLinked = false;
    this.#events.lost(error.message);
  }

  #hear({ kind, id, body }: Frame): void {
    this.#quiet = 0;
    switch (kind) {
      case KIND.answer:
        this.#called(id)?.resolve(parsed(body));
        return;
      case KIND.refused: {
        const error = new RowcastError(...parsed<[ErrorCode, string]>(body));
        this.#called(id)?.reject(error);
        this.#followed.get(id)?.fail(error);
        return;
      }
      case KIND.batch:
        return this.#followed.get(id)?.take(parsed<readonly Entry[]>(body));
      case KIND.heard:
        return this.#events.heard(parsed<GroupMessage>(body));
      case KIND.pong:
        return;
      default:
        throw new Error(`no frame has the kind ${kind}`);
    }
  }

  #called(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  async #call<T>(kind: number, ...body: readonly Buffer[]): Promise<T> {
    if (!this.#frames.isOpen) throw lost('the process that keeps the ledger is gone');
    if (this.#frames.unsent > UNSENT) throw lost('the process that keeps the ledger does not take what it is sent');
    const id = this.#number();
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as Call['resolve'], reject });
      this.#frames.write(frameOf(kind, id, ...body));
    });
  }

  #follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]> {
    const id = this.#number();
    const followed = new Followed(signal, {
      more: () => this.#frames.write(frameOf(KIND.more, id)),
      leave: () => {
        if (this.#followed.delete(id)) this.#frames.write(frameOf(KIND.leave, id));
      },
    });
    if (signal.aborted) return followed.read();
    if (!this.#frames.isOpen) followed.fail(lost('the process that keeps the ledger is gone'));
    else {
      this.#followed.set(id, followed);
      this.#frames.write(frameOf(KIND.follow, id, Buffer.from(after)));
    }
    return followed.read();
  }

  /** 0 is the greeting's. */
  #number(): number {
    return (this.#last = (this.#last % 0xffff_fffe) + 1);
  }
}

function termOf(term: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(term, 0);
  return bytes;
}
