import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { SUBPROTOCOL } from '../protocol/index.ts';
import type { Arrival, OpenEndpoint, Refusal, Server, Session, Transport } from '../server/index.ts';
import { channels1 } from './channels1.ts';
import { handshake, pathOf } from './handshake.ts';
import { framed } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';

/** What `attach` needs of a server: node:http's, node:https's, and whatever is built on one. */
export interface UpgradingServer {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  off(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  listenerCount?(event: 'upgrade'): number;
}

/** One look at all sockets every 10 s. A silent one is pinged after 20 s, and is gone after 50. */
const BEAT = 10_000;
const PING_AFTER = 2; // beats of silence
const DEAD_AFTER = 5;

/** What a socket may take for the closing handshake when the server goes down, or it broke the protocol: 1 s. */
const GRACE = 1_000;

const WIRES = { rowcast: rowcast1(framed), seed: channels1(framed) };

/** The WebSocket door of one Rowcast server, for any number of HTTP servers. */
export class WebSocketDoor {
  readonly #server: Server;
  readonly #upgraders = new Map<OpenEndpoint, WebSocketServer>();
  readonly #sockets = new Map<WebSocket, Beat>();
  readonly #attached = new Map<UpgradingServer, Upgrade>();
  #timer: { cancel(): void } | null = null;
  #gone: (() => void) | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Answers upgrades on the endpoints' own paths, and leaves every other to whoever else listens. */
  attach(http: UpgradingServer): void {
    if (this.#attached.has(http)) return;
    const upgrade: Upgrade = (request, socket, head) => {
      if (this.#upgrade(request, socket, head)) return;
      // Nobody else listens: without an answer the socket would stay open for ever.
      if (http.listenerCount?.('upgrade') === 1) refuse(socket, { ok: false, status: 404, message: 'nothing is here' });
    };
    this.#attached.set(http, upgrade);
    http.on('upgrade', upgrade);
    this.#timer ??= this.#beat();
  }

  /** Lets go of the HTTP servers. Resolves when the last socket is gone: those that do not close by themselves are cut. */
  async close(): Promise<void> {
    for (const [http, upgrade] of this.#attached) http.off('upgrade', upgrade);
    this.#attached.clear();
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#sockets.size === 0) return;
    const cut = this.#server.clock.after(GRACE, () => {
      for (const socket of this.#sockets.keys()) socket.terminate();
    });
    await new Promise<void>((resolve) => (this.#gone = resolve));
    cut.cancel();
  }

  /** False: the path is no endpoint's. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const found = this.#server.at(pathOf(request));
    if (!found) return false;
    // First of all: a socket that breaks while we wait for `authenticate` must not take the process with it.
    const broken = (): void => void socket.destroy();
    socket.on('error', broken);
    handshake(this.#server, found, request)
      .then((admitted) => {
        if (socket.destroyed) return;
        if (!admitted.ok) return refuse(socket, admitted);
        // Not before the wait: who came meanwhile counts.
        if (this.#server.full(found.endpoint)) return refuse(socket, { ok: false, status: 503, message: 'too many connections' });
        this.#upgrader(found.endpoint).handleUpgrade(request, socket, head, (opened) => {
          socket.off('error', broken);
          this.#opened(opened, admitted.arrival);
        });
      })
      .catch((error: unknown) => {
        this.#server.log.error({ err: error, path: found.endpoint.path }, 'an upgrade failed');
        socket.destroy();
      });
    return true;
  }

  #upgrader(endpoint: OpenEndpoint): WebSocketServer {
    let upgrader = this.#upgraders.get(endpoint);
    if (!upgrader) {
      upgrader = new WebSocketServer({
        noServer: true,
        clientTracking: false,
        perMessageDeflate: false, // 240 KB and five times the CPU a connection
        maxPayload: endpoint.limits.frameBytes,
        handleProtocols: (asked) => (asked.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      });
      this.#upgraders.set(endpoint, upgrader);
    }
    return upgrader;
  }

  #opened(socket: WebSocket, arrival: Arrival): void {
    const wire = socket.protocol === SUBPROTOCOL ? WIRES.rowcast : WIRES.seed;
    const session = this.#server.connect(arrival, { wire, transport: new SocketTransport(socket) });
    const beat: Beat = { session, born: this.#server.clock.now(), age: arrival.endpoint.limits.ageSeconds * 1_000, silent: 0 };
    this.#sockets.set(socket, beat);
    socket.on('message', (data: RawData, binary: boolean) => {
      beat.silent = 0;
      session.receive(binary ? null : String(data));
    });
    socket.on('pong', () => (beat.silent = 0));
    // ws has sent the close code that fits (1009, 1002, 1007); cut at once, the other side would not read it.
    socket.on('error', () => this.#server.clock.after(GRACE, () => socket.terminate()));
    socket.on('close', (code) => {
      this.#sockets.delete(socket);
      void this.#server.disconnect(session, code);
      if (this.#sockets.size === 0) this.#gone?.();
    });
  }

  /** One timer for all sockets. */
  #beat(): { cancel(): void } {
    return this.#server.clock.after(BEAT, () => {
      const now = this.#server.clock.now();
      for (const [socket, beat] of this.#sockets) {
        if (now - beat.born >= beat.age) beat.session.end('aged', 'old: come back');
        if (socket.isPaused) continue; // it is we who do not listen
        if (++beat.silent >= DEAD_AFTER) socket.terminate();
        else if (beat.silent >= PING_AFTER) socket.ping();
      }
      this.#timer = this.#beat();
    });
  }
}

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const OPEN = 1; // WebSocket.OPEN, which is a getter

interface Beat {
  readonly session: Session<Buffer>;
  readonly born: number;
  /** Milliseconds it may live. */
  readonly age: number;
  /** Beats since anything came. */
  silent: number;
}

const STATUS = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

function refuse(socket: Duplex, { status, message }: Refusal): void {
  const body = `${message}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 503 ? ['Retry-After: 5'] : []),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** ws's own socket: frames made once are written past its sender, which only ever writes whole frames when nothing is compressed. */
interface Inside {
  readonly _socket: Duplex;
}

/** A class, because there are many: its methods are found once, not in every socket. */
class SocketTransport implements Transport<Buffer> {
  readonly #socket: WebSocket;
  readonly #raw: Duplex;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#raw = (socket as unknown as Inside)._socket;
  }

  write(bytes: Buffer): number {
    if (this.#socket.readyState !== OPEN) return 0;
    // The length is asked for only where it can matter: past the stream's own mark.
    return this.#raw.write(bytes) ? 0 : this.#raw.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, cut(reason));
  }
}

/** A close frame holds 123 bytes of reason. */
function cut(reason: string): string {
  let text = reason.slice(0, 123);
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}
