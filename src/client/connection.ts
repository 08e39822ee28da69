import { verdict, type CLOSE, type ServerFrame } from '../protocol/index.ts';
import type { ClientClock } from './clock.ts';
import { MACHINE, type Happening } from './machine.ts';
import type { SocketLike } from './socket.ts';
import type { Status } from './types.ts';

/** A connection that has lasted 10 s was a good one: the next wait is a short one again. */
const GOOD = 10_000;

/** Milliseconds between two pings, until the server says how many. */
const HEARTBEAT = 25_000;
/** So many heartbeats without a word, and there is nobody there. */
const PATIENCE = 2.5;

/** By their values: a page that wants two codes should not pay for the table. */
const BAD_FRAME: typeof CLOSE.badFrame = 4000;
const CUT = 1006;

export interface ConnectionParts {
  readonly clock: ClientClock;
  socket(): SocketLike;
  /** Milliseconds before the nth try. */
  delay(attempt: number): number;
  /** What is said first on every socket. */
  readonly hello: string;
  frame(frame: ServerFrame): void;
  status(status: Status): void;
}

/** One socket at a time, and what comes after it. */
export class Connection {
  readonly #parts: ConnectionParts;
  #status: Status = 'connecting';
  #socket: SocketLike | null = null;
  /** The wait for the next try, or the watch over this one. */
  #timer: { cancel(): void } | undefined;
  #attempt = 0;
  #since = 0;
  #heard = 0;
  #heartbeat = HEARTBEAT;
  /** How long the server said to wait before the next try. */
  #retry: number | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#connect();
  }

  get status(): Status {
    return this.#status;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  happen(happening: Happening): void {
    const { clock, delay, status } = this.#parts;
    const next = MACHINE[this.#status][happening];
    if (!next) return;
    this.#status = next;
    this.#timer?.cancel();
    if (next === 'open') {
      this.#since = clock.now();
      this.#watch();
    } else this.#drop();
    if (next === 'connecting') this.#connect();
    if (next === 'waiting') this.#timer = clock.after(this.#retry ?? delay(this.#attempt - 1), () => this.happen('timer'));
    status(next);
  }

  #connect(): void {
    const socket = this.#parts.socket();
    this.#socket = socket;
    this.#retry = undefined;
    this.#heartbeat = HEARTBEAT;
    this.#heard = this.#parts.clock.now();
    this.#watch();
    socket.onopen = () => socket.send(this.#parts.hello);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#ended(code);
    socket.onerror = ignore; // `onclose` follows, and `ws` throws where nobody listens
  }

  #hear(data: unknown): void {
    this.#heard = this.#parts.clock.now();
    try {
      const frame = JSON.parse(data as string) as ServerFrame;
      if (!('type' in frame)) throw new TypeError();
      // Views and kinds come with `welcome`: who hears that the connection is open must find them there.
      this.#parts.frame(frame);
      if (frame.type === 'going') this.#retry = frame.retryMs;
      if (frame.type === 'welcome') {
        this.#heartbeat = frame.heartbeat * 1_000 || HEARTBEAT;
        this.happen('welcome');
      }
    } catch {
      // What an app's handler throws does not come here. Whatever speaks there is not a Rowcast server, nor will it be one on the next try.
      this.#socket?.close(BAD_FRAME);
      this.happen('fatal');
    }
  }

  /** A connection may end without anybody being told: a server that is there is heard. */
  #watch(): void {
    const { clock } = this.#parts;
    const left = this.#heard + this.#heartbeat * PATIENCE - clock.now();
    if (left <= 0) this.#ended(CUT);
    else this.#timer = clock.after(left, () => this.#watch());
  }

  #ended(code: number): void {
    const first = this.#attempt === 0 || (this.#status === 'open' && this.#parts.clock.now() - this.#since > GOOD);
    this.#attempt = first ? 1 : this.#attempt + 1;
    const said = verdict(code);
    // A server that says "now" to everyone who comes would be asked without a pause.
    this.happen(said === 'now' && !first ? 'later' : said);
  }

  #drop(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}

const ignore = (): void => {};
