import { connect, type Socket } from 'node:net';
import { FrameReader, textFrame, type Heard } from './frames.ts';

/** A server to write to, and how many frames are on the way at a time. */
export interface Asked {
  readonly port: number;
  /** The subprotocol; empty: none. */
  readonly protocol: string;
  readonly depth: number;
}

/** Frames made before anything is timed, back to back. */
export class Frames {
  readonly #bytes: Buffer;
  readonly #ends: readonly number[];

  constructor(texts: readonly string[]) {
    const frames = texts.map((text) => textFrame(text));
    this.#bytes = Buffer.concat(frames);
    let end = 0;
    this.#ends = frames.map(({ length }) => (end += length));
  }

  get count(): number {
    return this.#ends.length;
  }

  /** Those from one to another, which is left out. */
  part(from: number, to: number): Buffer {
    return this.#bytes.subarray(this.#ends[from - 1] ?? 0, this.#ends[to - 1] ?? 0);
  }
}

/** One connection that asks: as many at a time as it is told, the next with each answer. */
export class Asker {
  readonly #asked: Asked;
  readonly #name: string;
  #socket: Socket | null = null;
  #greeted: (() => void) | null = null;
  #frames = new Frames([]);
  #sent = 0;
  #answered = 0;
  /** Answers of the chunk that is being read. */
  #came = 0;
  #done: (() => void) | null = null;

  constructor(asked: Asked, name: string) {
    this.#asked = asked;
    this.#name = name;
  }

  /** Resolves with the server's first frame. */
  open(): Promise<void> {
    const { port, protocol } = this.#asked;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    const reader = new FrameReader(this.#heard);
    let head: Buffer | null = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      if (head === null) {
        reader.take(chunk);
        return this.#goOn();
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const rest = head.subarray(end + 4);
      head = null;
      if (protocol !== '') socket.write(textFrame(`{"type":"hello","client":"${this.#name}"}`));
      if (rest.length > 0) reader.take(rest);
    });
    const asked = protocol === '' ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${asked}\r\n`,
    );
    return new Promise((resolve, reject) => {
      this.#greeted = resolve;
      socket.on('error', reject);
    });
  }

  /** Sends all of them, and resolves when each is answered. */
  ask(frames: Frames): Promise<void> {
    this.#frames = frames;
    this.#sent = this.#answered = 0;
    const done = new Promise<void>((resolve) => (this.#done = resolve));
    this.#send(this.#asked.depth);
    return done;
  }

  /** Sends all of them at once: nothing is answered. */
  pour(frames: Frames): void {
    this.#socket?.write(frames.part(0, frames.count));
  }

  #send(more: number): void {
    const to = Math.min(this.#sent + more, this.#frames.count);
    if (to > this.#sent) this.#socket?.write(this.#frames.part(this.#sent, to));
    this.#sent = to;
  }

  /** As many as were answered by what has just come: in one write. */
  #goOn(): void {
    const came = this.#came;
    this.#came = 0;
    if (came === 0) return;
    this.#answered += came;
    this.#send(came);
    if (this.#answered === this.#frames.count) this.#done?.();
  }

  readonly #heard = (heard: Heard): void => {
    if (heard.kind !== 'said') return;
    const { frame } = heard;
    if (frame['type'] === 'result') {
      if (frame['ok'] !== true) throw new Error(JSON.stringify(frame));
      this.#came++;
    } else if (frame['type'] === 'ping') {
      if (frame['mark'] !== undefined) this.#socket?.write(textFrame(`{"type":"at","mark":${String(frame['mark'])}}`));
    } else if (frame['type'] === 'error') {
      throw new Error(JSON.stringify(frame));
    } else {
      this.#greeted?.();
    }
  };
}
