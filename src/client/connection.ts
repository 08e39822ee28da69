import { verdict, type CLOSE, type ServerFrame } from '../protocol/index.ts';
import { MACHINE, type Happening } from './machine.ts';
import type { SocketLike } from './socket.ts';
import type { Status } from './types.ts';

/** A connection that has lasted 10 s was a good one: the next wait is a short one again. */
const GOOD = 10_000;

/** By its value: a page that wants one code should not pay for the table. */
const BAD_FRAME: typeof CLOSE.badFrame = 4000;

export interface ConnectionParts {
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
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #since = 0;

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
    const next = MACHINE[this.#status][happening];
    if (!next) return;
    this.#status = next;
    clearTimeout(this.#timer);
    if (next === 'open') this.#since = performance.now();
    else this.#drop();
    if (next === 'connecting') this.#connect();
    if (next === 'waiting') this.#timer = setTimeout(() => this.happen('timer'), this.#parts.delay(this.#attempt - 1));
    this.#parts.status(next);
  }

  #connect(): void {
    const socket = this.#parts.socket();
    this.#socket = socket;
    socket.onopen = () => socket.send(this.#parts.hello);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#ended(code);
    socket.onerror = ignore; // `onclose` follows, and `ws` throws where nobody listens
  }

  #hear(data: unknown): void {
    try {
      const frame = JSON.parse(data as string) as ServerFrame;
      if (!('type' in frame)) throw new TypeError();
      // Views and kinds come with `welcome`: who hears that the connection is open must find them there.
      this.#parts.frame(frame);
      if (frame.type === 'welcome') this.happen('welcome');
    } catch {
      // What an app's handler throws does not come here. Whatever speaks there is not a Rowcast server, nor will it be one on the next try.
      this.#socket?.close(BAD_FRAME);
      this.happen('fatal');
    }
  }

  #ended(code: number): void {
    const first = this.#attempt === 0 || (this.#status === 'open' && performance.now() - this.#since > GOOD);
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
