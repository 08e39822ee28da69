import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { parseClientFrame, SUBPROTOCOL, type ClientFrame, type ServerFrame, type StreamInfo } from '../../src/protocol/index.ts';

/** Seconds. */
export const HEARTBEAT = 25;

/** A server that says what a test tells it to say, and holds clients to the wire: what they send is parsed by its law. */
export class ScriptedServer implements AsyncDisposable {
  readonly url: string;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #arrived = new Line<Peer>();
  /** Connections so far. */
  count = 0;
  /** The next handshakes are refused with this status. */
  refuse: number | null = null;

  private constructor(http: Server) {
    this.#http = http;
    this.url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/binding/?blog=1`;
    this.#sockets = new WebSocketServer({ noServer: true, handleProtocols: (asked) => (asked.has(SUBPROTOCOL) ? SUBPROTOCOL : false) });
    http.on('upgrade', (request, socket, head) => {
      if (this.refuse) return void socket.end(`HTTP/1.1 ${this.refuse} Refused\r\nConnection: close\r\n\r\n`);
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        this.count++;
        this.#arrived.put(new Peer(opened, request.url ?? ''));
      });
    });
  }

  static async open(): Promise<ScriptedServer> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return new ScriptedServer(http);
  }

  /** The next connection. */
  arrival(): Promise<Peer> {
    return this.#arrived.take();
  }

  /**
   * The next connection, past `hello` and `welcome`. Streams that were asked for without params until then are there already, under their
   * number in `streams` and without rows, and those that are asked for later are at once; `silent`: a test answers them itself.
   */
  async welcomed(streams: Readonly<Record<string, StreamInfo | null>>, silent = false): Promise<Peer> {
    const peer = await this.arrival();
    const hello = await peer.frame();
    if (hello.type !== 'hello') throw new Error(`the first frame was ${hello.type}`);
    peer.client = hello.client;
    if (!silent) peer.streams = streams;
    peer.say({
      type: 'welcome',
      session: `session ${this.count}`,
      epoch: '1',
      position: '0000000000000001',
      user: null,
      build: 'of the script',
      heartbeat: HEARTBEAT,
      streams,
    });
    await peer.echo(); // what it asks for has come
    await peer.echo(); // and has been answered
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}

/** The server's end of one connection. */
export class Peer {
  readonly url: string;
  client = '';
  /** Those it answers for by itself. */
  streams: Readonly<Record<string, StreamInfo | null>> = {};
  readonly #socket: WebSocket;
  readonly #frames = new Line<ClientFrame>();
  readonly closed: Promise<number>;

  constructor(socket: WebSocket, url: string) {
    this.#socket = socket;
    this.url = url;
    socket.on('message', (data) => {
      const frame = parseClientFrame(String(data), { bytes: 65_536, depth: 32, keys: 2_048 });
      if (!this.#answers(frame)) this.#frames.put(frame);
    });
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The next frame the client sends. */
  frame(): Promise<ClientFrame> {
    return this.#frames.take();
  }

  async frames(count: number): Promise<ClientFrame[]> {
    const frames: ClientFrame[] = [];
    while (frames.length < count) frames.push(await this.frame());
    return frames;
  }

  /** What the client has sent until now and nobody has looked at: it answers a ping after all of that. */
  async rest(): Promise<readonly ClientFrame[]> {
    await this.echo();
    return this.#frames.drain();
  }

  /** Past everything that was said until now, both ways. */
  async echo(): Promise<void> {
    const answered = new Promise((resolve) => this.#socket.once('pong', resolve));
    this.#socket.ping();
    await Promise.race([answered, this.closed]);
  }

  say(...frames: readonly ServerFrame[]): void {
    for (const frame of frames) this.raw(JSON.stringify(frame));
  }

  raw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  close(code: number): void {
    this.#socket.close(code, 'as the script says');
  }

  /** Gone without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  #answers(frame: ClientFrame): boolean {
    if (frame.type !== 'subscribe' || frame.params) return false;
    const info = Object.hasOwn(this.streams, frame.stream) ? this.streams[frame.stream] : undefined;
    if (!info) return false;
    const { view } = info;
    this.say({ type: 'subscribed', id: frame.id, view }, { type: 'ready', view, position: '0000000000000001', token: 'of the script' });
    return true;
  }
}

/** What comes, in order, for who waits for it. */
class Line<T> {
  #ready: T[] = [];
  #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const next = this.#waiting.shift();
    if (next) next(item);
    else this.#ready.push(item);
  }

  take(): Promise<T> {
    if (this.#ready.length > 0) return Promise.resolve(this.#ready.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  drain(): readonly T[] {
    return this.#ready.splice(0);
  }
}
