import type { Arrival, Door, Session, Transport } from '../../src/server/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { rowcast1 } from '../../src/doors/rowcast1.ts';
import { plain } from '../../src/doors/packing.ts';
import type { Process } from './process.ts';
import type { Timeline } from './timeline.ts';

export type Texts = readonly string[];

/** What a server process lets a connection do. */
export interface Host {
  readonly process: Process;
  admit(name: string): Promise<Arrival | null>;
  connect(arrival: Arrival, door: Door<Texts>): Session<Texts>;
  disconnect(session: Session<Texts>, code: number): void;
}

/** What a client needs of a socket. */
export interface ClientSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Hears everything on one connection. `delivered` is false for what was written and never came. */
export interface Ear {
  sent(text: string): void;
  heard(frame: ServerFrame, delivered: boolean): void;
  /** After the client has taken it in. */
  taken(frame: ServerFrame): void;
}

export interface LinkParts {
  readonly timeline: Timeline;
  readonly client: Process;
  /** The server that new connections reach just now. */
  host(): Host | null;
  /** Who asks. */
  readonly user: string;
  readonly ear: Ear;
  /** Each byte counts as so many: limits of hundreds of kilobytes are met by a few rows. */
  readonly scale: number;
  gone(link: Link): void;
}

interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** What a socket takes in before it says that anything waits. */
const BLIND = 200;

/**
 * One connection: frames in order both ways, each as late as the network likes. It can be cut at any byte, so that either side hears of it
 * late or never, and the client's side can stop taking what comes.
 */
export class Link implements ClientSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  readonly onerror = null;
  readonly #parts: LinkParts;
  #host: Host | null = null;
  #session: Session<Texts> | null = null;
  #up: string[] = [];
  #down: string[] = [];
  /** So many of them will never come. */
  #lost = 0;
  #upBusy = false;
  #downBusy = false;
  #paused = false;
  #stalled = false;
  /** Frames vanish on their way, and nobody is told. */
  #dead = false;
  /** How the server's side ended, once all that was written before has come. */
  #ending: Ending | null = null;
  #clientGone = false;
  #serverGone = false;
  #unhook = (): void => undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    void this.#open();
  }

  get open(): boolean {
    return !this.#clientGone && !this.#dead;
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /** Bytes on their way to the client. */
  get waiting(): number {
    return Math.max(0, this.#size() - BLIND);
  }

  // The client's side.

  send(text: string): void {
    if (this.#clientGone) return;
    this.#parts.ear.sent(text);
    this.#up.push(text);
    this.#pumpUp();
  }

  close(code = 1000): void {
    if (this.#clientGone) return;
    this.#clientGone = true;
    this.#lose();
    this.#parts.gone(this);
    if (!this.#dead) this.#parts.timeline.at(this.#parts.timeline.now + this.#parts.timeline.latency('quick'), () => this.#endServer(code));
  }

  // The network.

  /** The client takes nothing more, or goes on. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    if (!stalled) this.#pumpDown();
  }

  /** Cut: what is on its way is lost. Those who are told hear of it after a while. */
  cut(told: { readonly client: boolean; readonly server: boolean }): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#up = [];
    this.#lose();
    const { timeline } = this.#parts;
    if (told.client) timeline.at(timeline.now + timeline.latency('quick'), () => this.#endClient({ code: 1006, reason: '' }));
    if (told.server) timeline.at(timeline.now + timeline.latency('quick'), () => this.#endServer(1006));
  }

  async #open(): Promise<void> {
    const { timeline, host: find, user } = this.#parts;
    const refused = (): void => this.#endClient({ code: 1006, reason: 'no server' });
    await new Promise<void>((resolve) => timeline.at(timeline.now + timeline.latency('quick'), resolve));
    const host = find();
    if (!host || this.#dead || this.#clientGone) return refused();
    this.#host = host;
    this.#unhook = host.process.whenKilled(() => {
      this.#serverGone = true;
      this.cut({ client: timeline.random.chance(0.7), server: false });
    });
    const arrival = await host.admit(user);
    if (this.#dead || this.#serverGone) return;
    if (!arrival || this.#clientGone) return refused();
    try {
      this.#session = host.connect(arrival, { wire: wireOf(this.#parts.scale), transport: this.#transport() });
    } catch {
      return refused(); // it is closing
    }
    if (!this.#parts.client.alive) return;
    this.onopen?.();
    this.#pumpUp();
  }

  #transport(): Transport<Texts> {
    return {
      write: (texts) => {
        const before = this.waiting * this.#parts.scale;
        if (this.#ending || this.#serverGone) return 0;
        // A dead line fills like one that is stalled.
        this.#down.push(...texts);
        if (this.#dead || this.#clientGone) this.#lose();
        this.#pumpDown();
        return before;
      },
      waiting: () => this.waiting * this.#parts.scale,
      pause: () => (this.#paused = true),
      resume: () => {
        this.#paused = false;
        this.#pumpUp();
      },
      close: (code, reason) => this.#closeServer(code, reason),
    };
  }

  /** The server is done with it: the client hears so after what was written before; the server's own socket is gone soon. */
  #closeServer(code: number, reason: string): void {
    const { timeline } = this.#parts;
    if (this.#ending) return;
    this.#ending = { code, reason };
    timeline.at(timeline.now + timeline.latency('quick'), () => this.#endServer(code));
    this.#pumpDown();
  }

  #endServer(code: number): void {
    if (this.#serverGone || !this.#session || !this.#host?.process.alive) return;
    this.#serverGone = true;
    this.#unhook();
    this.#host.disconnect(this.#session, code);
  }

  #endClient({ code, reason }: Ending): void {
    if (this.#clientGone) return;
    this.#clientGone = true;
    this.#parts.gone(this);
    if (this.#parts.client.alive) this.onclose?.({ code, reason });
  }

  #pumpUp(): void {
    if (this.#upBusy || this.#paused || this.#dead || !this.#session || this.#up.length === 0) return;
    this.#upBusy = true;
    const { timeline } = this.#parts;
    timeline.at(timeline.now + timeline.latency('quick'), () => {
      this.#upBusy = false;
      const text = this.#up.shift();
      if (text === undefined || this.#dead || this.#serverGone) return;
      this.#session?.receive(text);
      this.#pumpUp();
    });
  }

  #pumpDown(): void {
    if (this.#downBusy || this.#stalled || this.#dead || this.#clientGone) return;
    if (this.#down.length === 0 && !this.#ending) return;
    this.#downBusy = true;
    const { timeline } = this.#parts;
    timeline.at(timeline.now + timeline.latency('quick'), () => {
      this.#downBusy = false;
      if (this.#stalled || this.#dead || this.#clientGone) return;
      // Several may come in one turn, as several frames of one segment do.
      const count = timeline.random.chance(0.3) ? this.#down.length : 1;
      for (const text of this.#down.splice(0, count)) this.#deliver(text);
      if (this.#down.length === 0 && this.#ending) this.#endClient(this.#ending);
      else this.#pumpDown();
    });
  }

  #deliver(text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    this.#parts.ear.heard(frame, !this.#clientGone);
    if (this.#clientGone || !this.#parts.client.alive) return;
    this.onmessage?.({ data: text });
    this.#parts.ear.taken(frame);
  }

  /** What was written and will never come was sent all the same. */
  #lose(): void {
    for (const text of this.#down.slice(this.#lost)) this.#parts.ear.heard(JSON.parse(text) as ServerFrame, false);
    this.#lost = this.#down.length;
  }

  #size(): number {
    let size = 0;
    for (const { length } of this.#down) size += length;
    return size;
  }
}

/** The shipped wire, whose bytes weigh more. One for all sessions: those share what is made once. */
const WIRES = new Map<number, ReturnType<typeof rowcast1<Texts>>>();
function wireOf(scale: number): ReturnType<typeof rowcast1<Texts>> {
  let wire = WIRES.get(scale);
  if (!wire) WIRES.set(scale, (wire = rowcast1({ ...plain, sizeOf: (texts) => plain.sizeOf(texts) * scale })));
  return wire;
}
