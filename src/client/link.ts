import type { ClientFrame, Position, ServerFrame, WelcomeFrame } from '../protocol/index.ts';
import { systemClock, type ClientClock } from './clock.ts';
import { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import { fullJitter } from './machine.ts';
import type { SocketFactory, TokenSupplier } from './socket.ts';
import type { Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import type { ClientEvents, Complaint, Status } from './types.ts';
import { Writes, type OwnWrites } from './writes.ts';

export interface LinkOptions {
  /** Milliseconds to wait before the nth try to reconnect, 0 being the first. Default: a random part of 0.5 to 30 s, growing. */
  readonly delay?: (attempt: number) => number;
  /** Bytes the endpoint takes in one frame. Default 65,536; set it when the endpoint's own limit is another. */
  readonly frameBytes?: number;
  /** Milliseconds for which a view is followed after the last handle on it was closed. Default 3,000. */
  readonly linger?: number;
  /** Credentials for those who have no cookie: asked for before each connection, and when those of this one run out. */
  readonly token?: TokenSupplier;
  /** In place of the platform's time, of its chance, and of a name by chance: for a simulation, which can then be run again as it was. */
  readonly clock?: ClientClock;
  readonly random?: () => number;
  readonly name?: string;
}

export interface LinkParts {
  readonly socket: SocketFactory;
  /** Left out: its own writes show when the server has told them. */
  readonly own?: (link: Link, writes: Writes) => OwnWrites;
  /** A view is new here. */
  held?(view: Subscription): void;
  /** The rows of all that is followed are those of there. */
  reached?(): void;
  /** Nothing of this user is to be shown any more. */
  forgot?(): void;
  /** Is waited for before anything is asked on a connection. */
  admit?(welcome: WelcomeFrame): Promise<void>;
}

/** What is done about each frame. */
export type Heard = { readonly [T in ServerFrame['type']]: (frame: Extract<ServerFrame, { readonly type: T }>) => void };

/** One connection, the views that are looked at over it, and what is asked over it. */
export class Link {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly name: string;
  readonly linger: number;
  readonly connection: Connection;
  readonly subscriptions: Subscriptions;
  readonly writes: Writes;
  readonly #options: LinkOptions;
  readonly parts: LinkParts;
  readonly events: Emitter<ClientEvents> = new Emitter();
  /** What the server said when it was reached last. */
  welcome: WelcomeFrame | null = null;
  #ids = 0;

  constructor(parts: LinkParts, options: LinkOptions) {
    const { clock = systemClock, random = Math.random, name = clientName(), linger = 3_000 } = options;
    this.parts = parts;
    this.#options = options;
    this.clock = clock;
    this.random = random;
    this.name = name;
    this.linger = linger;
    this.subscriptions = new Subscriptions(this);
    this.writes = new Writes(this, parts.own);
    const heard: Partial<Heard> = {
      ...this.subscriptions.heard,
      ...this.writes.heard,
      welcome: (frame) => this.#welcomed(frame),
      expiring: () => void this.#refresh(),
    };
    this.connection = new Connection({
      clock,
      socket: parts.socket,
      token: options.token,
      delay: options.delay ?? ((attempt) => fullJitter(attempt, random)),
      hello: JSON.stringify({ type: 'hello', client: name }),
      // A frame of a later server is nothing to a client that does not know it.
      frame: (frame) => void (Object.hasOwn(heard, frame.type) && heard[frame.type]?.(frame as never)),
      status: (status) => this.#moved(status),
    });
  }

  get status(): Status {
    return this.connection.status;
  }

  /** Names what is asked: no two are the same. */
  id(): number {
    return ++this.#ids;
  }

  /** Does it when what runs now has ended. */
  soon(work: () => void): void {
    if (this.#options.clock) this.clock.after(0, work);
    else queueMicrotask(work);
  }

  send(text: string): void {
    this.connection.send(text);
  }

  /** Sends a frame, or says why not. */
  say(frame: ClientFrame): Complaint | undefined {
    const text = JSON.stringify(frame);
    const complaint = this.tooLarge(text);
    if (!complaint) this.send(text);
    return complaint;
  }

  /** Said here, because the server would close the connection over it, and again when it is sent again. */
  tooLarge(text: string): Complaint | undefined {
    const { frameBytes = 65_536 } = this.#options;
    if (new TextEncoder().encode(text).length > frameBytes)
      return { code: 'too_large', message: `a frame holds at most ${frameBytes} bytes` };
    return undefined;
  }

  /** The rows of all that is followed are those of there. */
  reached(position: Position): void {
    this.writes.reached(position);
    this.parts.reached?.();
  }

  /** Nothing of this user stays: what has no answer is not asked of anybody else. */
  forget(): void {
    this.writes.end();
    this.parts.forgot?.();
    this.subscriptions.forget();
  }

  #moved(status: Status): void {
    // First: what was done is in the rows that come next, not in those that are here.
    this.subscriptions.moved(status);
    if (status !== 'open') this.writes.lost();
    this.subscriptions.tell();
    if (status === 'failed' || status === 'closed') this.writes.end();
    this.events.emit('status', status);
    const welcome = this.welcome;
    if (status !== 'open' || !welcome) return;
    // Each of those who were told, or asked, may have closed or reconnected.
    const still = (act: () => void) => (): void => {
      if (this.status === 'open' && this.welcome === welcome) act();
    };
    const opened = still(() => this.writes.opened(still(() => this.subscriptions.opened(welcome))));
    if (this.parts.admit) void this.parts.admit(welcome).then(opened);
    else opened();
  }

  #welcomed(welcome: WelcomeFrame): void {
    this.subscriptions.learn(welcome);
    const was = this.welcome ?? welcome;
    this.welcome = welcome;
    if (was.epoch !== welcome.epoch) this.writes.restart();
    // Before it is open, so before anything is sent. What nobody in particular did is that of whoever signs in.
    if (was.user !== null && was.user !== welcome.user) this.forget();
    if (was.build !== welcome.build) this.events.emit('outdated', { from: was.build, to: welcome.build });
  }

  async #refresh(): Promise<void> {
    const welcome = this.welcome;
    try {
      const token = await this.#options.token?.();
      // Another connection came with credentials of its own.
      if (token && this.status === 'open' && this.welcome === welcome) this.say({ type: 'refresh', id: this.id(), token });
    } catch (error) {
      this.events.emit('error', { code: 'forbidden', message: `no newer token: ${String(error)}` });
    }
  }
}

/** 128 bits, so that nobody comes by the name of another client by chance. */
function clientName(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
