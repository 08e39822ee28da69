import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from '../server/index.ts';

/** What `attach` needs of a server: node:http's, node:https's, and whatever is built on one. */
export interface UpgradingServer {
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  off(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  listenerCount?(event: 'upgrade'): number;
}

/** Answers the upgrades of its own paths. */
export interface UpgradeDoor {
  /** False: the path is not one of them. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

/** Whom the upgrades of one HTTP server go to: one listener for every Rowcast on it, so that exactly one of them answers. */
interface Attached {
  readonly doors: Set<UpgradeDoor>;
  upgrade(this: void, request: IncomingMessage, socket: Duplex, head: Buffer): void;
}
const ATTACHED = new WeakMap<UpgradingServer, Attached>();

export function listen(http: UpgradingServer, door: UpgradeDoor): void {
  let attached = ATTACHED.get(http);
  if (!attached) {
    const doors = new Set<UpgradeDoor>();
    attached = {
      doors,
      upgrade(request, socket, head) {
        // First of all, and whoever takes it: Node has let go of the socket, and a reset nobody listens for ends the process.
        socket.on('error', ignore);
        for (const each of doors) if (each.upgrade(request, socket, head)) return;
        // Nobody else listens: without an answer the socket would stay open for ever.
        if (http.listenerCount?.('upgrade') === 1) refuse(socket, { ok: false, status: 404, message: 'nothing is here' });
      },
    };
    ATTACHED.set(http, attached);
    http.on('upgrade', attached.upgrade);
  }
  attached.doors.add(door);
}

export function leave(http: UpgradingServer, door: UpgradeDoor): void {
  const attached = ATTACHED.get(http);
  if (!attached?.doors.delete(door) || attached.doors.size > 0) return;
  http.off('upgrade', attached.upgrade);
  ATTACHED.delete(http);
}

/** A socket that breaks destroys itself: whoever holds it sees `destroyed`. */
export const ignore = (): void => undefined;

const STATUS = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

/** The answer to a handshake that comes to nothing. */
export function refuse(socket: Duplex, { status, message }: Refusal): void {
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
