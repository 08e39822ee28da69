import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Transport } from '../server/index.ts';
import type { Packet } from './packing.ts';

const OPEN = 1; // WebSocket.OPEN, which is a getter

/** ws's own socket: frames made once are written past its sender, which only ever writes whole frames when nothing is compressed. */
interface Inside {
  readonly _socket: Duplex;
}

/** A class, because there are many: its methods are found once, not in every socket. */
export class SocketTransport implements Transport<Packet> {
  readonly #socket: WebSocket;
  readonly #raw: Duplex;
  #full = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#raw = (socket as unknown as Inside)._socket;
  }

  write(bytes: Packet): number {
    if (this.#socket.readyState !== OPEN) return 0;
    const waiting = this.#full ? this.#raw.writableLength : 0; // asked for only where it can matter: past the stream's own mark
    this.#full = !(typeof bytes === 'string' ? this.#raw.write(bytes, 'latin1') : this.#raw.write(bytes));
    return waiting;
  }

  waiting(): number {
    return this.#socket.readyState === OPEN ? this.#raw.writableLength : 0;
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
