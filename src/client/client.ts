import { toWire, type ClientFrame, type ServerFrame, type WelcomeFrame } from '../protocol/index.ts';
import { systemClock, type ClientClock } from './clock.ts';
import { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import { fullJitter } from './machine.ts';
import { Outbox, refusal } from './outbox.ts';
import { webSocket, type SocketLike, type WebSocketConstructor } from './socket.ts';
import { Stream, type StreamParts, type Writing } from './stream.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Answer, AnyApp, AppTypes, Client, ClientEvents, Complaint, Status } from './types.ts';

export interface ClientOptions {
  /** The WebSocket to use where there is no global one: `ws`'s, on Node before 22. */
  readonly webSocket?: WebSocketConstructor;
  /** In place of a WebSocket: where to get a socket from. The URL is not used then. */
  readonly socket?: () => SocketLike;
  /** Milliseconds to wait before the nth try to reconnect, 0 being the first. Default: a random part of 0.5 to 30 s, growing. */
  readonly delay?: (attempt: number) => number;
  /** Bytes the endpoint takes in one frame. Default 65,536; set it when the endpoint's own limit is another. */
  readonly frameBytes?: number;
  /** Newer credentials, asked for when the server says that those of the connection run out. Left out: it ends with them. */
  readonly token?: () => string | Promise<string>;
  /** In place of the platform's time, of its chance, and of a name by chance: for a simulation, which can then be run again as it was. */
  readonly clock?: ClientClock;
  readonly random?: () => number;
  readonly name?: string;
}

/**
 * Connects to an endpoint, and stays connected. `App` is the endpoint's type: a stream it does not offer, a field it does not give or does
 * not take do not compile.
 *
 * @param url absolute (`ws`, `wss`, `http`, `https`), or relative to the page. Its query is yours: the endpoint's functions see it.
 * @throws {TypeError} when the URL is none, or there is no WebSocket; the message says what to do.
 * @example
 * ```ts
 * import type { app } from './server.ts'
 * const client = createClient<typeof app>('/binding/')
 * const intval = client.stream('intval')
 * intval.on('commit', () => show(intval.rows))
 * ```
 */
export function createClient<App extends AppTypes = AnyApp>(url: string, options: ClientOptions = {}): Client<App> {
  return new RowcastClient(options.socket ?? webSocket(url, options.webSocket), options) as unknown as Client<App>;
}

class RowcastClient {
  readonly #events = new Emitter<ClientEvents>();
  readonly #connection: Connection;
  readonly #subscriptions: Subscriptions;
  readonly #outbox: Outbox;
  readonly #streams: StreamParts;
  readonly #frameBytes: number;
  readonly #token: ClientOptions['token'];
  #welcome: WelcomeFrame | null = null;
  #ids = 0;

  readonly on: Emitter<ClientEvents>['on'] = (event, handler) => this.#events.on(event, handler);

  constructor(socket: () => SocketLike, options: ClientOptions) {
    const { clock = systemClock, random = Math.random, frameBytes = 65_536 } = options;
    const { delay = (attempt) => fullJitter(attempt, random), name = clientName() } = options;
    this.#frameBytes = frameBytes;
    this.#token = options.token;
    const soon = (work: () => void): void => void (options.clock ? clock.after(0, work) : queueMicrotask(work));
    const send = (text: string): void => this.#connection.send(text);
    this.#outbox = new Outbox(send);
    this.#subscriptions = new Subscriptions({
      soon,
      subscribe: ({ stream, params, token, position }) => {
        const id = ++this.#ids;
        const text = JSON.stringify({ type: 'subscribe', id, stream, params, ...(token !== undefined && { at: position, token }) });
        if (this.#fits(text)) send(text);
        else soon(() => this.#subscriptions.refused(id, this.#tooLarge()));
        return id;
      },
      unsubscribe: (view) => this.#say({ type: 'unsubscribe', view }),
      complain: (complaint) => this.#events.emit('error', complaint),
    });
    this.#streams = {
      subscriptions: this.#subscriptions,
      write: (writing) => this.#write(writing),
      send: (stream, payload) => this.#send(stream, payload),
    };
    this.#connection = new Connection({
      clock,
      socket,
      delay,
      hello: JSON.stringify({ type: 'hello', client: name }),
      frame: (frame) => this.#hear(frame),
      status: (status) => this.#moved(status),
    });
  }

  get status(): Status {
    return this.#connection.status;
  }

  stream(name: string, params?: object): Stream {
    return new Stream(name, params, this.#streams);
  }

  reconnect(): void {
    this.#connection.happen('reconnect');
  }

  close(): void {
    this.#connection.happen('close');
  }

  #moved(status: Status): void {
    if (status !== 'open') {
      this.#outbox.lost();
      this.#subscriptions.lost(status === 'failed');
    }
    if (status === 'failed' || status === 'closed') this.#outbox.end();
    this.#events.emit('status', status);
    // Each of those who were told may have closed or reconnected.
    if (this.status === 'open' && this.#welcome) this.#subscriptions.opened(this.#welcome);
    if (this.status === 'open') this.#outbox.opened();
  }

  #hear(frame: ServerFrame): void {
    switch (frame.type) {
      case 'welcome':
        this.#subscriptions.learn(frame);
        this.#welcome = frame;
        return;
      case 'commit':
        return this.#subscriptions.commit(frame);
      case 'result':
        return this.#outbox.answered(frame);
      case 'subscribed':
        return this.#subscriptions.subscribed(frame.id, frame.view);
      case 'rows':
        return this.#subscriptions.at(frame.view)?.added(frame);
      case 'ready':
        return this.#subscriptions.at(frame.view)?.ready(frame);
      case 'reset':
        return this.#subscriptions.reset(frame);
      case 'dropped':
        return this.#subscriptions.dropped(frame);
      case 'ping':
        this.#subscriptions.ping(frame);
        if (frame.mark !== undefined) this.#say({ type: 'at', mark: frame.mark });
        return;
      case 'expiring':
        return void this.#refresh();
      case 'message':
        if (frame.stream === null) this.#events.emit('message', frame.payload);
        else this.#subscriptions.message(frame.stream, frame.payload);
        return;
      case 'error': {
        const { id = 0, code, message } = frame;
        const complaint = { code, message };
        if (!this.#subscriptions.refused(id, complaint)) this.#events.emit('error', complaint);
        return;
      }
      case 'seen':
      case 'going':
      case 'refreshed':
        return;
      default:
        // A frame of a later server: nothing to a client that does not know it.
        frame satisfies never;
    }
  }

  async #refresh(): Promise<void> {
    const welcome = this.#welcome;
    try {
      const token = await this.#token?.();
      // Another connection came with credentials of its own.
      if (token === undefined || this.status !== 'open' || this.#welcome !== welcome) return;
      this.#say({ type: 'refresh', id: ++this.#ids, token });
    } catch (error) {
      this.#events.emit('error', { code: 'forbidden', message: `there is no newer token: ${String(error)}` });
    }
  }

  async #write({ stream, action, pk, data, params }: Writing): Promise<Answer> {
    const { status } = this;
    if (status === 'failed' || status === 'closed') return refusal('closed', `not sent: the client is ${status}`);
    const id = ++this.#ids;
    let text: string;
    try {
      text = JSON.stringify({ type: 'write', id, stream, action, pk: toWire(pk), data: toWire(data), params });
    } catch (error) {
      return refusal('invalid', `a value cannot be sent: ${String(error)}`);
    }
    if (!this.#fits(text)) return { ok: false, ...this.#tooLarge() };
    return this.#outbox.write(id, text);
  }

  #send(stream: string, payload: unknown): void {
    const text = JSON.stringify({ type: 'message', stream, payload: toWire(payload) ?? null });
    if (!this.#fits(text)) this.#events.emit('error', { ...this.#tooLarge(), stream });
    else if (!this.#outbox.say(text))
      this.#events.emit('error', { code: 'rate_limited', message: 'too many messages wait already', stream });
  }

  #say(frame: ClientFrame): void {
    this.#connection.send(JSON.stringify(frame));
  }

  #fits(text: string): boolean {
    return text.length * 3 <= this.#frameBytes || new TextEncoder().encode(text).length <= this.#frameBytes;
  }

  /** Said here, because the server would close the connection over it, and again when it is sent again. */
  #tooLarge(): Complaint {
    return { code: 'too_large', message: `a frame holds at most ${this.#frameBytes} bytes` };
  }
}

/** 128 bits, so that nobody comes by the name of another client by chance. */
function clientName(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
