import { WebSocket } from 'ws';
import type { SocketLike } from '../../src/client/index.ts';
import { parseClientFrame, type ClientFrame, type ServerFrame } from '../../src/protocol/index.ts';
import type { Random } from '../soak/random.ts';

/** Who hears what goes over a link: what a client says when it says it, what it is told when `tell` tells it. */
export interface Tap {
  sent(frame: ClientFrame): void;
  taken(frame: ServerFrame, tell: () => void): void;
}

const LIMITS = { frameBytes: 65_536, depth: 32, keys: 2_048 };
const CUT = 1006;

/** A network of chance between one client and its server: frames take their time, each way in order, and lines break with all that is on them. */
export class Link {
  readonly #url: string;
  readonly #random: Random;
  readonly #tap: Tap;
  #line: Line | undefined;
  /** Nobody gets through. */
  #away = false;
  /** How often a line breaks at a frame; a result is the frame that hurts most. */
  readonly #risk: number;
  #calm = false;

  constructor(url: string, { random, tap, risk = 0.02 }: { readonly random: Random; readonly tap: Tap; readonly risk?: number }) {
    this.#url = url;
    this.#random = random;
    this.#tap = tap;
    this.#risk = risk;
  }

  readonly socket = (): SocketLike => {
    this.#line = new Line(new WebSocket(this.#url, 'rowcast.1'), {
      random: this.#random,
      tap: this.#tap,
      breaks: (frame) => !this.#calm && this.#random.chance(frame === 'result' ? this.#risk * 4 : this.#risk),
      away: () => this.#away,
    });
    return this.#line;
  };

  cut(): void {
    this.#line?.break();
  }

  away(): void {
    this.#away = true;
    this.cut();
  }

  back(): void {
    this.#away = false;
  }

  /** From here on nothing breaks by chance. */
  calm(calm: boolean): void {
    this.#calm = calm;
    if (calm) this.back();
  }
}

interface LineParts {
  readonly random: Random;
  readonly tap: Tap;
  breaks(frame: ServerFrame['type'] | 'sent'): boolean;
  away(): boolean;
}

class Line implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  readonly #socket: WebSocket;
  readonly #parts: LineParts;
  readonly #out: Lane;
  readonly #in: Lane;
  #ended = false;

  constructor(socket: WebSocket, parts: LineParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#out = new Lane(parts.random, (text) => {
      if (parts.breaks('sent')) this.break();
      else socket.send(text);
    });
    this.#in = new Lane(parts.random, (text) => {
      const frame = JSON.parse(text) as ServerFrame;
      if (parts.breaks(frame.type)) return this.break();
      parts.tap.taken(frame, () => this.onmessage?.({ data: text }));
    });
    socket.on('open', () => (parts.away() ? this.break() : this.onopen?.()));
    socket.on('message', (data) => !this.#ended && this.#in.put(String(data)));
    socket.on('close', (code) => this.#end(code));
    socket.on('error', () => undefined);
  }

  send(text: string): void {
    if (this.#ended) return;
    this.#parts.tap.sent(parseClientFrame(text, { bytes: LIMITS.frameBytes, depth: LIMITS.depth, keys: LIMITS.keys }));
    this.#out.put(text);
  }

  close(): void {
    this.break();
  }

  /** What is on its way is lost, each way. What the server has been told, it has been told. */
  break(): void {
    this.#socket.terminate();
    setImmediate(() => this.#end(CUT));
    this.#out.end();
    this.#in.end();
  }

  #end(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#out.end();
    this.#in.end();
    this.onclose?.({ code, reason: '' });
  }
}

/** One way: what is put in comes out in order, later, a few at a time. */
class Lane {
  readonly #random: Random;
  readonly #give: (text: string) => void;
  #held: string[] = [];
  #busy = false;
  #ended = false;

  constructor(random: Random, give: (text: string) => void) {
    this.#random = random;
    this.#give = give;
  }

  put(text: string): void {
    if (!this.#ended) this.#held.push(text);
    if (!this.#busy) void this.#run();
  }

  end(): void {
    this.#ended = true;
    this.#held = [];
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#held.length > 0) {
      await moment(this.#random);
      // One at a time to whoever hears it: what it does with one may take effect before the next.
      for (let left = this.#random.between(1, 4); left > 0 && this.#held.length > 0 && !this.#ended; left--)
        this.#give(this.#held.shift() as string);
    }
    this.#busy = false;
  }
}

/** No time at all, as a rule, and never the same. */
export async function moment(random: Random): Promise<void> {
  if (random.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, random.between(1, 4)));
  else for (let turns = random.between(1, 3); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}
