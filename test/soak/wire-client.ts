import { WebSocket } from 'ws';
import type { Line } from './client-judge.ts';
import type { Random } from './random.ts';
import type { StreamName } from './rules.ts';
import type { ClientOptions, Params, SoakClient, WriteAbout } from './soak-client.ts';
import { signIn, type Person } from './tables.ts';

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/** One view that the client follows, on whatever connection. */
interface Followed {
  readonly stream: StreamName;
  readonly params: Params;
  at: string | null;
  token: string | null;
  /** Its number on this connection. */
  view: number | null;
  id: number | null;
  ready: boolean;
}

/** Without a word for so many heartbeats there is no connection any more. */
const SILENCE = 2.5;
/** A connection that is not there by then will not come. */
const HANDSHAKE_MS = 4_000;

/**
 * A client of PROTOCOL.md, written from that page alone: connects, follows views, goes on from where it was when it lost its connection, writes, and
 * tells every text that goes in and out. It keeps no rows: whoever judges what it heard has them.
 */
export class WireClient implements SoakClient {
  readonly name: string;
  readonly person: Person;
  /** Connections that stood. */
  connections = 0;
  readonly #options: ClientOptions;
  readonly #views: Followed[] = [];
  readonly #writes = new Map<number, string>();
  #socket: WebSocket | null = null;
  #open = false;
  #awake = false;
  #ids = 0;
  #heartbeat = 20;
  #retry: NodeJS.Timeout | null = null;
  #watch: NodeJS.Timeout | null = null;
  #last: number | null = null;

  constructor(options: ClientOptions) {
    this.name = options.name;
    this.person = options.person;
    this.#options = options;
  }

  get awake(): boolean {
    return this.#awake;
  }

  /** The port that its connection comes from: by it a proxy knows the link. */
  get port(): number | null {
    return (this.#socket as unknown as { _socket?: { localPort?: number } } | null)?._socket?.localPort ?? null;
  }

  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#connect();
  }

  /** Goes away, without a word, and stays away. */
  sleep(): void {
    this.#awake = false;
    this.drop();
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** Loses its connection, and comes back by itself. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** As a page does that is left in good order. */
  leave(): void {
    this.#socket?.close();
  }

  follow(stream: StreamName, params: Params = {}): void {
    if (this.#find(stream, params)) return;
    const view: Followed = { stream, params, at: null, token: null, view: null, id: null, ready: false };
    this.#views.push(view);
    if (this.#open) this.#subscribe(view);
  }

  /** Lets go of a view that it has; one that was not given yet is kept. Whoever follows it again later may go on from where it was. */
  unfollow(random: Random): (() => void) | null {
    const given = this.#views.filter(({ view, ready }) => view !== null && ready);
    if (given.length < 2) return null;
    const chosen = random.pick(given);
    this.#send({ type: 'unsubscribe', view: chosen.view });
    this.#views.splice(this.#views.indexOf(chosen), 1);
    chosen.view = null;
    chosen.ready = false;
    return () => {
      this.#views.push(chosen);
      if (this.#open) this.#subscribe(chosen);
    };
  }

  /** Comes back with a token that is none: it must not be believed. */
  forge(random: Random): void {
    const known = this.#views.filter(({ token }) => token !== null);
    if (known.length === 0) return;
    const chosen = random.pick(known);
    const token = chosen.token as string;
    const other = known.find((view) => view !== chosen)?.token ?? null;
    const place = random.below(token.length);
    const forged = [token.slice(0, place) + (token[place] === 'A' ? 'B' : 'A') + token.slice(place + 1), token.slice(0, place), other];
    chosen.token = random.pick(forged);
    this.drop();
  }

  /** Asks for a write; it is asked again on the next connection, and the next, until it is answered. */
  write(about: WriteAbout, data?: object): void {
    const id = ++this.#ids;
    const text = JSON.stringify({ type: 'write', id, ...about, data });
    this.#writes.set(id, text);
    if (this.#open) this.#say(text);
  }

  /** A mark for the next write's text, which no other text has. */
  get mark(): string {
    return `~w${this.name}x${this.#ids + 1}~`;
  }

  get waiting(): number {
    return this.#writes.size;
  }

  #connect(): void {
    this.#retry = null;
    const { url, name } = this.#options;
    const headers = { authorization: `Bearer ${signIn(this.person.name)}` };
    const socket = new WebSocket(url, ['rowcast.1'], { headers, handshakeTimeout: HANDSHAKE_MS, perMessageDeflate: false });
    this.#socket = socket;
    socket.on('open', () => {
      this.connections++;
      this.#tell({ at: performance.now(), type: 'open' });
      this.#send({ type: 'hello', client: `soak-client-${name}` });
      this.#silence();
    });
    socket.on('message', (bytes) => {
      const text = String(bytes);
      this.#tell({ at: performance.now(), type: 'in', text });
      this.#silence();
      this.#hear(JSON.parse(text) as Frame);
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => this.#closed(socket, code));
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (this.#watch) clearTimeout(this.#watch);
    if (this.#last !== null || this.#open) this.#tell({ at: performance.now(), type: 'close', code });
    this.#last = null;
    this.#open = false;
    for (const view of this.#views) {
      view.view = view.id = null;
      view.ready = false;
    }
    if (this.#awake) this.#retry = setTimeout(() => this.#connect(), this.#options.random.between(20, 400));
  }

  #tell(line: Line): void {
    if (line.type !== 'close') this.#last = line.at;
    this.#options.hear(line);
  }

  #silence(): void {
    if (this.#watch) clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#watch = setTimeout(() => socket?.terminate(), this.#heartbeat * SILENCE * 1_000);
  }

  #hear(frame: Frame): void {
    switch (frame.type) {
      case 'welcome':
        this.#open = true;
        this.#heartbeat = frame['heartbeat'] as number;
        for (const view of this.#views) this.#subscribe(view);
        for (const text of this.#writes.values()) this.#say(text);
        return;
      case 'subscribed': {
        const view = this.#views.find(({ id }) => id === frame['id']);
        if (view) view.view = frame['view'] as number;
        else this.#send({ type: 'unsubscribe', view: frame['view'] });
        return;
      }
      case 'ready': {
        const view = this.#numbered(frame['view']);
        if (!view) return;
        view.ready = true;
        view.at = frame['position'] as string;
        view.token = frame['token'] as string;
        return;
      }
      case 'commit':
        if (frame['more'] !== true) this.#moved(frame['position'] as string);
        return;
      case 'ping':
        if (typeof frame['position'] === 'string') this.#moved(frame['position']);
        if (frame['mark'] !== undefined) this.#send({ type: 'at', mark: frame['mark'] });
        return;
      case 'reset':
        for (const number of frame['views'] as number[]) {
          const view = this.#numbered(number);
          if (!view) continue;
          view.ready = false;
          // Either is allowed: to have nothing from here on, or to have what it was until there is better.
          if (this.#options.random.chance(0.5)) view.at = view.token = null;
        }
        return;
      case 'dropped': {
        const view = this.#numbered(frame['view']);
        if (view) this.#later(view);
        return;
      }
      case 'error': {
        const view = this.#views.find(({ id }) => id !== null && id === frame['id']);
        if (view) this.#later(view);
        return;
      }
      case 'result':
        this.#writes.delete(frame['id'] as number);
        return;
      default:
    }
  }

  #numbered(number: unknown): Followed | undefined {
    return this.#views.find(({ view }) => view !== null && view === number);
  }

  #find(stream: StreamName, params: Params): Followed | undefined {
    return this.#views.find((view) => view.stream === stream && JSON.stringify(view.params) === JSON.stringify(params));
  }

  /** It was not given, or taken away: it is asked for again after a while, as nobody who never had it. */
  #later(view: Followed): void {
    view.view = view.id = view.at = view.token = null;
    view.ready = false;
    const socket = this.#socket;
    setTimeout(
      () => {
        if (this.#socket === socket && this.#open && view.id === null && this.#views.includes(view)) this.#subscribe(view);
      },
      this.#options.random.between(300, 2_000),
    ).unref();
  }

  #subscribe(view: Followed): void {
    view.id = ++this.#ids;
    const goesOn = view.at !== null && view.token !== null ? { at: view.at, token: view.token } : {};
    const params = Object.keys(view.params).length > 0 || this.#options.random.chance(0.5) ? { params: view.params } : {};
    this.#send({ type: 'subscribe', id: view.id, stream: view.stream, ...params, ...goesOn });
  }

  #moved(position: string): void {
    for (const view of this.#views) if (view.ready && (view.at ?? '') < position) view.at = position;
  }

  #send(frame: object): void {
    this.#say(JSON.stringify(frame));
  }

  #say(text: string): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#tell({ at: performance.now(), type: 'out', text });
    this.#socket.send(text);
  }
}
