import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { CLOSE, SUBPROTOCOL } from '../protocol/index.ts';
import type { Arrival, OpenEndpoint, Refusal, Server, Session } from '../server/index.ts';
import { channels1 } from './channels1.ts';
import { asksForOurs, handshake, pathOf } from './handshake.ts';
import { framed, type Packet } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';
import { SocketTransport } from './socket-transport.ts';
import { ignore, leave, listen, refuse, type UpgradeDoor, type UpgradingServer } from './upgrades.ts';

/** One look at all sockets every 10 s. A silent one is pinged after 20 s, and is gone after 50. */
const BEAT = 10_000;
const PING_AFTER = 2; // beats of silence
const DEAD_AFTER = 5;

/**
 * A socket that we hold up says nothing because we do not listen. It is pinged all the same, since writing to somebody who left finds that
 * out; and after 60 beats the work that it waits for is not coming to an end.
 */
const STUCK_AFTER = 60;

/** Reasons for which somebody was refused, in the log. */
const MOST_NOTED = 100;

/** What a socket may take for the closing handshake when the server goes down, it broke the protocol, or it may not come in: 1 s. */
const GRACE = 1_000;

/** ws's own bounds, said here so that an update of it moves none. Its types do not have them yet. */
const BOUNDS = {
  closeTimeout: 30_000, // ms: a slow client has a megabyte to read before it comes to the close frame
  maxPendingAutoPongs: 60, // pings of a peer that does not read the answers; one more cuts it
};

const WIRES = { rowcast: rowcast1(framed), seed: channels1(framed) };

interface Beat {
  readonly session: Session<Packet>;
  readonly born: number;
  /** Milliseconds it may live. */
  readonly age: number;
  /** Beats since anything came. */
  silent: number;
  /** Beats since we stopped reading. */
  held: number;
}

interface Upgrading {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

const FULL: Refusal = { ok: false, status: 503, message: 'too many connections' };

/** The WebSocket door of one Rowcast server, for any number of HTTP servers. */
export class WebSocketDoor implements UpgradeDoor {
  readonly #server: Server;
  readonly #upgraders = new Map<OpenEndpoint, WebSocketServer>();
  readonly #sockets = new Map<WebSocket, Beat>();
  /** Those who were let in only to be told that they may not come in. They hold no seat, and a moment at most. */
  readonly #leaving = new Set<WebSocket>();
  readonly #attached = new Set<UpgradingServer>();
  /** Connections and handshakes under way, by endpoint: a handshake holds its seat until it is decided, even when the socket is gone. */
  readonly #seats = new Map<OpenEndpoint, number>();
  readonly #noted = new Set<string>();
  #timer: { cancel(): void } | null = null;
  #gone: (() => void) | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Answers upgrades on the endpoints' own paths, and leaves every other to whoever else listens. */
  attach(http: UpgradingServer): void {
    if (this.#attached.has(http)) return;
    this.#attached.add(http);
    listen(http, this);
    this.#timer ??= this.#beat();
  }

  /** Lets go of the HTTP servers. Resolves when the last socket is gone: those that do not close by themselves are cut. */
  async close(): Promise<void> {
    for (const http of this.#attached) leave(http, this);
    this.#attached.clear();
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#sockets.size + this.#leaving.size === 0) return;
    const cut = this.#server.clock.after(GRACE, () => {
      for (const socket of [...this.#sockets.keys(), ...this.#leaving]) socket.terminate();
    });
    await new Promise<void>((resolve) => (this.#gone = resolve));
    cut.cancel();
  }

  /** False: the path is no endpoint's. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const found = this.#server.at(pathOf(request));
    if (!found) return false;
    const { endpoint } = found;
    // Before `authenticate` is asked: else whoever opens sockets faster than it answers has it run without a bound.
    if (this.#seated(endpoint) >= endpoint.limits.connections || this.#server.full(endpoint)) {
      refuse(socket, FULL);
      return true;
    }
    this.#seat(endpoint, 1);
    let opened = false;
    handshake(this.#server, found, request)
      .then((admitted) => {
        if (socket.destroyed) return;
        if (!admitted.ok) {
          this.#note(admitted, request, endpoint);
          // A browser tells its page no status, and the page would come back for ever: it is told by a close code.
          if (admitted.status === 401 && asksForOurs(request)) this.#sendAway({ request, socket, head }, endpoint, admitted.message);
          else refuse(socket, admitted);
          return;
        }
        // Again: who came by another door meanwhile counts, and the server may be going down.
        if (this.#server.full(endpoint)) return refuse(socket, FULL);
        this.#upgrader(endpoint).handleUpgrade(request, socket, head, (made) => {
          socket.off('error', ignore); // ws listens now
          this.#opened(made, admitted.arrival);
          opened = true;
        });
      })
      .catch((error: unknown) => {
        this.#server.log.error({ err: error, path: endpoint.path }, 'an upgrade failed');
        socket.destroy();
      })
      .finally(() => {
        if (!opened) this.#seat(endpoint, -1);
      });
    return true;
  }

  /** A browser tells its page nothing of why: so the log does, once for each reason. */
  #note({ status, message }: Refusal, { headers: { origin } }: IncomingMessage, { path }: OpenEndpoint): void {
    const reason = `${path} ${status} ${status === 403 ? (origin ?? '') : ''}`;
    if (this.#noted.has(reason) || this.#noted.size >= MOST_NOTED) return;
    this.#noted.add(reason);
    const cure = status === 403 && origin !== undefined ? `; if that page is yours, add it to the endpoint: origins: ['${origin}']` : '';
    this.#server.log.warn({ path, status, ...(origin === undefined ? {} : { origin }) }, `refused at ${path}: ${message}${cure}`);
  }

  #seated(endpoint: OpenEndpoint): number {
    return this.#seats.get(endpoint) ?? 0;
  }

  #seat(endpoint: OpenEndpoint, more: 1 | -1): void {
    this.#seats.set(endpoint, this.#seated(endpoint) + more);
  }

  #upgrader(endpoint: OpenEndpoint): WebSocketServer {
    let upgrader = this.#upgraders.get(endpoint);
    if (!upgrader) {
      upgrader = new WebSocketServer({
        ...BOUNDS,
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

  #sendAway({ request, socket, head }: Upgrading, endpoint: OpenEndpoint, why: string): void {
    this.#upgrader(endpoint).handleUpgrade(request, socket, head, (made) => {
      this.#leaving.add(made);
      const cut = this.#server.clock.after(GRACE, () => made.terminate());
      made.on('error', ignore); // it is closed as it is
      made.on('close', () => {
        cut.cancel();
        this.#leaving.delete(made);
        this.#leftLast();
      });
      made.close(CLOSE.unauthorized, why);
    });
  }

  #opened(socket: WebSocket, arrival: Arrival): void {
    const wire = socket.protocol === SUBPROTOCOL ? WIRES.rowcast : WIRES.seed;
    const session = this.#server.connect(arrival, { wire, transport: new SocketTransport(socket) });
    const beat: Beat = { session, born: this.#server.clock.now(), age: arrival.endpoint.limits.ageSeconds * 1_000, silent: 0, held: 0 };
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
      this.#seat(arrival.endpoint, -1);
      void this.#server.disconnect(session, code);
      this.#leftLast();
    });
  }

  #leftLast(): void {
    if (this.#sockets.size + this.#leaving.size === 0) this.#gone?.();
  }

  /** One timer for all sockets. */
  #beat(): { cancel(): void } {
    return this.#server.clock.after(BEAT, () => {
      const now = this.#server.clock.now();
      for (const [socket, beat] of this.#sockets) {
        if (now - beat.born >= beat.age) beat.session.end('aged', 'old: come back');
        beat.held = socket.isPaused ? beat.held + 1 : 0;
        if (beat.held >= STUCK_AFTER) socket.terminate();
        else if (beat.held > 0) socket.ping();
        else if (++beat.silent >= DEAD_AFTER) socket.terminate();
        else if (beat.silent >= PING_AFTER) socket.ping();
      }
      this.#timer = this.#beat();
    });
  }
}
