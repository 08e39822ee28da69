import { Rest } from './rest.ts';

/** What a server's frame is, by its first bytes: commits and rows are many, and are counted unread. */
export type Heard =
  | { readonly kind: 'commit' | 'rows' }
  /** Any other text, parsed. */
  | { readonly kind: 'said'; readonly frame: Readonly<Record<string, unknown>> }
  | { readonly kind: 'ping' | 'close' };

const COMMIT: Heard = { kind: 'commit' };
const ROWS: Heard = { kind: 'rows' };
const PING: Heard = { kind: 'ping' };
const CLOSE: Heard = { kind: 'close' };

/** `{"type":"` and as much of the name as tells `rows` from `ready` and `reset`. */
const NAMED = 9;
const TOLD = NAMED + 2;

/** Reads a server's WebSocket frames, at as little cost as there can be: a load must not be what is measured. */
export class FrameReader {
  readonly #heard: (heard: Heard) => void;
  readonly #rest = new Rest();
  /** Of a frame that is counted: what it is, and the bytes of it that are still to come. */
  #running: Heard = COMMIT;
  #skip = 0;

  constructor(heard: (heard: Heard) => void) {
    this.#heard = heard;
  }

  take(chunk: Buffer): void {
    let from = 0;
    if (this.#skip > 0) {
      from = Math.min(this.#skip, chunk.length);
      this.#skip -= from;
      if (this.#skip === 0) this.#heard(this.#running);
    }
    this.#rest.take(chunk, from, this.#next);
  }

  /** Gives where the next frame begins; `at` itself: too little of this one is there. */
  readonly #next = (data: Buffer, at: number): number => {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    const body = at + header;
    if (body > data.length) return at;
    const length = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    const counted = length > TOLD && body + TOLD < data.length ? countedAs(data, body) : null;
    if (counted) {
      const end = body + length;
      if (end <= data.length) {
        this.#heard(counted);
        return end;
      }
      this.#running = counted;
      this.#skip = end - data.length;
      return data.length;
    }
    const end = body + length;
    if (end > data.length) return at;
    const opcode = (data[at] as number) & 0x0f;
    if (opcode === 8) this.#heard(CLOSE);
    else if (opcode === 9) this.#heard(PING);
    else this.#heard({ kind: 'said', frame: JSON.parse(data.toString('utf8', body, end)) as Record<string, unknown> });
    return end;
  };
}

function countedAs(data: Buffer, body: number): Heard | null {
  const first = data[body + NAMED];
  if (first === 0x63) return COMMIT; // c
  return first === 0x72 && data[body + NAMED + 1] === 0x6f ? ROWS : null; // ro
}

/** One masked text frame, as clients send it: the mask is of zeros. */
export function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const header = body.length < 126 ? [0x81, 0x80 | body.length] : [0x81, 0xfe, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), body]);
}

export const PONG: Buffer = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
