import type { Socket } from 'node:net';
import type { Dialect } from './dialects.ts';
import { PONG, textFrame } from './frames.ts';
import { Rest } from './rest.ts';
import { upgrade } from './upgrade.ts';

const VALUE = Buffer.from('"value":');

/** One client of any of the servers that are compared. */
export class PeerClient {
  readonly #dialect: Dialect;
  readonly #changed: (data: Buffer, begin: number) => void;
  #socket: Socket | null = null;
  readonly #rest = new Rest();
  #ready: () => void = () => undefined;

  /** `changed` is called for every change of a row, with where its text begins. */
  constructor(dialect: Dialect, changed: (data: Buffer, begin: number) => void) {
    this.#dialect = dialect;
    this.#changed = changed;
  }

  /** Resolves when it has what it came for. */
  open(port: number, name: number): Promise<void> {
    const { path, protocol, opening } = this.#dialect;
    const opened = (): void => void socket.write(Buffer.concat(opening(name).map(textFrame)));
    const socket = upgrade({ port, path: path(name), protocol }, { opened, take: (chunk) => this.#rest.take(chunk, 0, this.#next) });
    socket.once('close', () => {
      if (this.#socket === socket) throw new Error(`client ${name} lost its connection`);
    });
    this.#socket = socket;
    return new Promise((resolve) => (this.#ready = resolve));
  }

  /** Without a word. */
  leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  /** Gives where the next frame begins; `at` itself: too little of this one is there. */
  readonly #next = (data: Buffer, at: number): number => {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const begin = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (begin > data.length) return at;
    const length = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    const end = begin + length;
    if (end > data.length) return at;
    const opcode = (data[at] as number) & 0x0f;
    if (opcode === 8) throw new Error(`sent away: ${data.toString('utf8', begin, end)}`);
    if (opcode === 9) this.#socket?.write(PONG);
    else if (this.#dialect.isChange(data, begin, end)) this.#changed(data, begin);
    else {
      const { answer, ready } = this.#dialect.heard(data.toString('utf8', begin, end));
      if (answer !== undefined) this.#socket?.write(textFrame(answer));
      if (ready === true) this.#ready();
    }
    return end;
  };
}

/** What the column `value` is in a row that a text says: every server that is compared writes it as JSON does, and the column is a number. */
export function valueOf(data: Buffer, begin: number): number {
  for (let at = begin; ;) {
    at = data.indexOf(VALUE, at);
    if (at < 0) throw new Error('a change without a value');
    at += VALUE.length;
    let value = 0;
    const digits = at;
    for (; isDigit(data[at]); at++) value = value * 10 + (data[at] as number) - 0x30;
    if (at > digits) return value;
  }
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
