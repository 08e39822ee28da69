import type { Socket } from 'node:net';

/** What a frame is. Who keeps the ledger answers; who asks it asks. */
export const KIND = {
  hello: 0,
  floor: 1,
  tail: 2,
  lead: 3,
  append: 4,
  follow: 5,
  more: 6,
  leave: 7,
  send: 8,
  ping: 9,
  answer: 16,
  refused: 17,
  batch: 18,
  heard: 19,
  pong: 20,
} as const;

/** Length of what follows it, kind, number of the call or of the following it is about: then the body. */
const HEAD = 9;
const LENGTH = 4;

const EMPTY = Buffer.alloc(0);

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly body: Buffer;
}

/** A frame's bytes, made once for as many as it goes to. */
export function frameOf(kind: number, id: number, ...body: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32BE(HEAD - LENGTH + body.reduce((sum, { length }) => sum + length, 0), 0);
  head.writeUInt8(kind, LENGTH);
  head.writeUInt32BE(id, LENGTH + 1);
  return body.length === 0 ? head : Buffer.concat([head, ...body]);
}

/** Frames over one socket, both ways. What is sent in one turn of the event loop leaves in one write. */
export class FrameSocket {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #held = 0;
  #isCorked = false;

  constructor(socket: Socket, hear: (frame: Frame) => void) {
    this.#socket = socket;
    // Whoever waits for the other side has something else that keeps the process.
    socket.unref();
    // What went wrong is said by `close`.
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      try {
        this.#take(piece, hear);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Bytes that the other side has not taken. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  write(frame: Buffer): void {
    if (!this.isOpen) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(frame);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(piece: Buffer, hear: (frame: Frame) => void): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
    while (this.#held >= LENGTH) {
      if ((this.#pieces[0] as Buffer).length < LENGTH) this.#join();
      const end = LENGTH + (this.#pieces[0] as Buffer).readUInt32BE(0);
      if (this.#held < end) return;
      if ((this.#pieces[0] as Buffer).length < end) this.#join();
      const [first = EMPTY, ...others] = this.#pieces;
      this.#pieces = first.length === end ? others : [first.subarray(end), ...others];
      this.#held -= end;
      hear({ kind: first.readUInt8(LENGTH), id: first.readUInt32BE(LENGTH + 1), body: first.subarray(HEAD, end) });
    }
  }

  #join(): void {
    this.#pieces = [Buffer.concat(this.#pieces)];
  }
}

export const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const parsed = <T>(body: Buffer): T => JSON.parse(body.toString()) as T;
