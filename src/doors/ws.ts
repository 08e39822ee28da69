import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { CLOSE, SUBPROTOCOL } from '../protocol/index.ts';
import type { OpenEndpoint, Server, Session, Transport } from '../server/index.ts';
import { channels1 } from './channels1.ts';
import { handshake, pathOf, type Handshake } from './handshake.ts';
import { framed } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';

/** What `attach` needs of a server: node:http's, node:https's, and whatever is built on one. */
export interface UpgradingServer {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  off(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

/** A ping every 20 s; a socket that has not answered the last one when the next is due, and 10 s more, is gone. */
const PING_EVERY = 10_000;
const PING_AFTER = 2; // beats of silence before a ping
const DEAD_AFTER = 5; // beats of silence before the end

const WIRES = { rowcast: rowcast1(framed), seed: channels1(framed) };

/** The WebSocket door of one Rowcast server, for any number of HTTP servers. */
export class WebSocketDoor {
  readonly #server: Server;
  readonly #upgraders = new Map<OpenEndpoint, WebSocketServer>();
  readonly #sockets = new Map<WebSocket, Beat>();
  readonly #counts = new Map<OpenEndpoint, number>();
  readonly #attached = new Set<UpgradingServer>();
  #timer: { cancel(): void } | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Answers upgrades on the endpoints' own paths and touches no other. */
  attach(http: UpgradingServer): void {
    if (this.#attached.has(http)) return;
    this.#attached.add(http);
    http.on('upgrade', this.#upgrade);
    this.#timer ??= this.#beat();
  }

  /** Lets go of the HTTP servers. Sockets that do not close by themselves within a second are cut. */
  close(): void {
    for (const http of this.#attached) http.off('upgrade', this.#upgrade);
    this.#attached.clear();
    this.#timer?.cancel();
    this.#server.clock.after(1_000, () => {
      for (const socket of this.#sockets.keys()) socket.terminate();
    });
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!this.#server.at(pathOf(request))) return;
    // First of all: a socket that breaks while we wait for `authenticate` must not take the process with it.
    const broken = (): void => void socket.destroy();
    socket.on('error', broken);
    void handshake(this.#server, request).then((hands) => {
      if (!hands || socket.destroyed) return;
      if (!hands.ok) return refuse(socket, hands);
      if ((this.#counts.get(hands.endpoint) ?? 0) >= hands.endpoint.limits.connections) {
        return refuse(socket, { ok: false, status: 503, message: 'too many connections' });
      }
      if (!mayChoose(request))
        return refuse(socket, { ok: false, status: 400, message: `ask for the subprotocol ${SUBPROTOCOL}, or for none` });
      this.#upgrader(hands.endpoint).handleUpgrade(request, socket, head, (opened) => {
        socket.off('error', broken);
        this.#opened(opened, hands);
      });
    });
  };

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

  #opened(socket: WebSocket, hands: Handshake & { readonly ok: true }): void {
    const seed = socket.protocol !== SUBPROTOCOL;
    const beat: Beat = { endpoint: hands.endpoint, born: this.#server.clock.now(), silent: 0, seed };
    this.#sockets.set(socket, beat);
    this.#count(hands.endpoint, 1);
    const session: Session<Buffer> = this.#server.connect(hands, hands.groups, {
      wire: seed ? WIRES.seed : WIRES.rowcast,
      transport: transportOf(socket),
    });
    socket.on('message', (data: RawData, binary: boolean) => {
      beat.silent = 0;
      if (binary) session.unreadable('frames are text, not bytes');
      else session.receive(String(data));
    });
    socket.on('pong', () => (beat.silent = 0));
    socket.on('error', () => socket.terminate()); // ws has sent the close code that fits (1009, 1002, 1007)
    socket.on('close', (code) => {
      this.#sockets.delete(socket);
      this.#count(hands.endpoint, -1);
      void this.#server.disconnect(session, code);
    });
  }

  #count(endpoint: OpenEndpoint, more: 1 | -1): void {
    this.#counts.set(endpoint, (this.#counts.get(endpoint) ?? 0) + more);
  }

  /** One timer for all sockets. */
  #beat(): { cancel(): void } {
    return this.#server.clock.after(PING_EVERY, () => {
      const now = this.#server.clock.now();
      for (const [socket, beat] of this.#sockets) {
        if (++beat.silent >= DEAD_AFTER) socket.terminate();
        else if (now - beat.born > beat.endpoint.limits.ageSeconds * 1_000) socket.close(beat.seed ? 1000 : CLOSE.aged, 'old: come back');
        else if (beat.silent >= PING_AFTER) socket.ping();
      }
      if (this.#attached.size > 0) this.#timer = this.#beat();
    });
  }
}

interface Beat {
  readonly endpoint: OpenEndpoint;
  readonly born: number;
  readonly seed: boolean;
  silent: number;
}

/** Without a subprotocol it is the seed's wire; with some, ours must be among them. */
function mayChoose({ headers }: IncomingMessage): boolean {
  const asked = headers['sec-websocket-protocol'];
  if (asked === undefined) return true;
  return asked.split(',').some((protocol) => protocol.trim() === SUBPROTOCOL);
}

const STATUS = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 500: 'Internal Server Error', 503: 'Service Unavailable' };

function refuse(socket: Duplex, { status, message }: Handshake & { readonly ok: false }): void {
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
  readonly _socket?: Duplex | null;
}

function transportOf(socket: WebSocket): Transport<Buffer> {
  return {
    write(bytes) {
      const raw = (socket as unknown as Inside)._socket;
      if (socket.readyState === socket.OPEN && raw?.writable) raw.write(bytes);
    },
    buffered: () => (socket as unknown as Inside)._socket?.writableLength ?? 0,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason.slice(0, 120)),
  };
}
