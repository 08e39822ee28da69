import { verdict, type CLOSE, type ServerFrame } from '../protocol/index.ts';
import type { ClientClock } from './clock.ts';
import { MACHINE, type Happening } from './machine.ts';
import { isOffline, onReturn } from './page.ts';
import type { SocketFactory, SocketLike, TokenSupplier } from './socket.ts';
import type { Status } from './types.ts';

/** A connection that has lasted 10 s was a good one: the next wait is a short one again. */
const GOOD = 10_000;

/** Milliseconds between two pings, until the server says how many. */
const HEARTBEAT = 25_000;
/** So many heartbeats without a word, and there is nobody there. */
const PATIENCE = 2.5;
/** So many, and a page that is looked at again does not wait for more. */
const DOUBT = 1.5;
/** Without a network the wait is that before this try: one of the longest. */
const LATE = 9;

/** By their values: a page that wants two codes should not pay for the table. */
const BAD_FRAME: typeof CLOSE.badFrame = 4000;
const CUT = 1006;

export interface ConnectionParts {
  readonly clock: ClientClock;
  readonly socket: SocketFactory;
  readonly token?: TokenSupplier | undefined;
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
  readonly #page = new AbortController();
  #status: Status = 'connecting';
  #socket: SocketLike | null = null;
  /** The wait for the next try, or the watch over this one; undefined: no try was begun. */
  #timer: { cancel(): void } | undefined;
  /** Which try this is: a token may come when it is over. */
  #nth = 0;
  #attempt = 0;
  /** Whether anything was heard on the last socket. */
  #answered: boolean | null = null;
  /** A refusal may be answered with another token. */
  #renewable = true;
  #since = 0;
  #heard = 0;
  #heartbeat = HEARTBEAT;
  /** How long the server said to wait before the next try. */
  #retry: number | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    onReturn((online) => this.#timer && this.#returned(online), this.#page.signal);
  }

  /** Asks for the first socket. Does nothing once it has, or where it was told otherwise meanwhile. */
  begin(): void {
    if (!this.#timer && this.#status === 'connecting') this.#connect();
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
    if (next === 'waiting')
      this.#timer = clock.after(this.#retry ?? delay(isOffline() ? LATE : this.#attempt - 1), () => this.happen('timer'));
    if (next === 'closed') this.#page.abort();
    status(next);
  }

  #connect(): void {
    const { clock, socket, token } = this.#parts;
    this.#retry = undefined;
    this.#heartbeat = HEARTBEAT;
    this.#heard = clock.now();
    this.#watch();
    if (token) void this.#ask(token);
    else this.#use(socket(undefined, this.#answered));
  }

  async #ask(token: TokenSupplier): Promise<void> {
    const nth = this.#nth;
    let given: string | null | undefined;
    try {
      given = await token();
    } catch {
      // Undefined: nobody has said that there is none.
    }
    if (nth !== this.#nth) return;
    if (given) this.#use(this.#parts.socket(given, this.#answered));
    else if (given === undefined) this.#ended(CUT);
    else this.happen('credentials');
  }

  #use(socket: SocketLike): void {
    this.#socket = socket;
    this.#answered = null;
    socket.onopen = () => {
      socket.onerror = ignore; // `onclose` follows, and `ws` throws where nobody listens
      socket.send(this.#parts.hello);
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#ended(code);
    socket.onerror = () => this.#ended(CUT); // of a socket that never opened, Node 22's tells no more
  }

  #hear(data: unknown): void {
    this.#heard = this.#parts.clock.now();
    this.#answered = true;
    try {
      const frame = JSON.parse(data as string) as ServerFrame;
      if (!('type' in frame)) throw new TypeError();
      // Views and kinds come with `welcome`: who hears that the connection is open must find them there.
      const nth = this.#nth;
      this.#parts.frame(frame);
      if (nth !== this.#nth) return; // whoever was told made another of it
      if (frame.type === 'going') this.#retry = frame.retryMs;
      if (frame.type === 'welcome') {
        this.#renewable = true;
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
    const now = clock.now();
    this.#heard = Math.min(this.#heard, now); // a clock that was set back
    const left = this.#heard + this.#heartbeat * PATIENCE - now;
    if (left <= 0) this.#ended(CUT);
    else this.#timer = clock.after(left, () => this.#watch());
  }

  /** The wait is over; and so is a socket that is overdue: a computer that slept is not told what ended meanwhile. */
  #returned(online: boolean): void {
    const { timer, later } = MACHINE[this.#status];
    if (online) this.#attempt = 0;
    if (timer || (later && this.#parts.clock.now() - this.#heard > this.#heartbeat * DOUBT)) this.happen('reconnect');
  }

  #ended(code: number): void {
    // From 4000 on it is a server's word, so the way to it is open.
    if (code >= 4000) this.#answered = true;
    else if (this.#socket && !isOffline()) this.#answered ??= false;
    const first = this.#attempt === 0 || (this.#status === 'open' && this.#parts.clock.now() - this.#since > GOOD);
    this.#attempt = first ? 1 : this.#attempt + 1;
    let said = verdict(code);
    // A token that ran out while the computer slept, as a rule. Once: else whoever is not let in would ask without an end.
    if (said === 'credentials' && this.#parts.token && this.#renewable) {
      this.#renewable = false;
      said = 'now';
    }
    // A server that says "now" to everyone who comes would be asked without a pause.
    this.happen(said === 'now' && !first ? 'later' : said);
  }

  #drop(): void {
    this.#nth++;
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = ignore;
    socket.close(1000);
  }
}

const ignore = (): void => {};
