import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Answer } from '../../src/main/index.ts';
import type { CommitFrame, Ok, Refused, ServerFrame } from '../../src/protocol/index.ts';

export interface ViewerOptions {
  /** Default: `rowcast.1`. Null: the seed's wire. */
  readonly protocol?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** False: a client that does not answer pings. */
  readonly autoPong?: boolean;
  /** The name it says hello by. Default: none. */
  readonly hello?: string;
  /** False: it asks for no view. Default: it holds every view by its own groups from the start, on `rowcast.1`. */
  readonly attends?: boolean;
}

/** Ids of its own for what it asks for by itself. */
const OWN = 900_000;

type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }>;

/** One socket, and everything that ever came through it. */
export class Viewer {
  readonly socket: WebSocket;
  /** Every message, as it came. */
  readonly texts: string[] = [];
  /** Every byte after the handshake. */
  readonly bytes: Buffer[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #ids = 0;
  #read = 0;
  #wake: () => void = () => undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    // Not before: a listener of ours would take what came with the handshake's answer from ws.
    socket.on('open', () => (socket as unknown as { _socket: Duplex })._socket.on('data', (bytes: Buffer) => this.bytes.push(bytes)));
    socket.on('message', (data) => {
      this.texts.push(String(data));
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      }),
    );
  }

  static async open(url: string, options: ViewerOptions = {}): Promise<Viewer> {
    const { protocol = 'rowcast.1', headers = {}, autoPong = true, hello, attends = true } = options;
    const viewer = new Viewer(new WebSocket(url, protocol === null ? [] : [protocol], { headers, autoPong }));
    await once(viewer.socket, 'open');
    if (hello !== undefined) viewer.send({ type: 'hello', client: hello });
    if (protocol === 'rowcast.1' && attends) await viewer.#attend();
    return viewer;
  }

  /** What it holds from the start comes before what it is asked to remember. */
  async #attend(): Promise<void> {
    const welcome = await this.next('welcome');
    const views = Object.entries(welcome.streams).flatMap(([stream, info]) => (info ? [{ stream, view: info.view }] : []));
    for (const [at, { stream }] of views.entries()) this.send({ type: 'subscribe', id: OWN + at, stream });
    const waiting = new Set(views.map(({ view }) => view));
    while (waiting.size > 0) waiting.delete((await this.next('ready')).view);
    this.#read = 0;
    const said = this.texts.filter((text) => text.startsWith('{"type":"message"'));
    this.texts.splice(0, this.texts.length, JSON.stringify(welcome), ...said);
  }

  get frames(): readonly ServerFrame[] {
    return this.texts.map((text) => JSON.parse(text) as ServerFrame);
  }

  /** All changes so far, of all commits. */
  get changes(): readonly CommitFrame['changes'][number][] {
    return this.frames.flatMap((frame) => (frame.type === 'commit' ? frame.changes : []));
  }

  /** Whether a text came in anything at all that came. */
  saw(text: string): boolean {
    return this.texts.join('\n').includes(text) || Buffer.concat(this.bytes).includes(text);
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The next frame of this type that has not been read yet; those before it are skipped. */
  async next<T extends ServerFrame['type']>(type: T): Promise<Frame<T>> {
    return this.until((frame): frame is Frame<T> => frame.type === type);
  }

  async until<F extends ServerFrame>(wanted: (frame: ServerFrame) => frame is F): Promise<F> {
    for (;;) {
      while (this.#read < this.texts.length) {
        const frame = JSON.parse(this.texts[this.#read++] as string) as ServerFrame;
        if (wanted(frame)) return frame;
      }
      if (this.socket.readyState >= WebSocket.CLOSING) throw new Error('the socket closed before what was waited for');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when everything the server had written to this socket has come. */
  async caughtUp(): Promise<void> {
    this.socket.ping();
    await once(this.socket, 'pong');
  }

  async write(stream: string, action: string, about: object = {}): Promise<(Ok | Refused) & { readonly position?: string }> {
    const id = ++this.#ids;
    this.send({ type: 'write', id, stream, action, ...about });
    return this.answer(id);
  }

  async answer<A extends Answer = Ok | Refused>(id: number): Promise<A & { readonly position?: string }> {
    const result = await this.until((frame): frame is Frame<'result'> => frame.type === 'result' && frame.id === id);
    return result as unknown as A & { readonly position?: string };
  }

  async subscribe(stream: string, params: object): Promise<Frame<'subscribed'> | Frame<'error'>> {
    const id = ++this.#ids;
    this.send({ type: 'subscribe', id, stream, params });
    const answer = await this.until(
      (frame): frame is Frame<'subscribed'> | Frame<'error'> => (frame.type === 'subscribed' || frame.type === 'error') && frame.id === id,
    );
    if (answer.type === 'subscribed')
      await this.until((frame): frame is Frame<'ready'> => frame.type === 'ready' && frame.view === answer.view);
    return answer;
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await this.closed;
  }
}
