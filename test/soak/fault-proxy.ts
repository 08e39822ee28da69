import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Between one who connects and what they connect to. */
export interface Target {
  readonly port: number;
  readonly host?: string;
}

/** How a link ends: `fin` as by `close()`, after all that was sent before; `rst` as by a power cut on a polite network, at once. */
export type Cut = 'fin' | 'rst';

/** What waits in a lane, at most, before its sender is held up. */
const WAITING = 64 * 1024;
/** Between two looks at how much a throttled lane may pass. */
const LOOK_MS = 10;
/** A lane that was idle has saved up no more than this. */
const BURST_MS = 100;

/** One direction of a link. Bytes keep their order, whatever is done to it. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  #waiting: { readonly bytes: Buffer; readonly due: number }[] = [];
  #size = 0;
  #rate = Infinity;
  #delay = 0;
  #swallowing = false;
  #ended = false;
  #passed = 0;
  #looked = performance.now();
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.#pass();
    });
    to.on('drain', () => this.#pass());
  }

  /** Bytes that went through. */
  get passed(): number {
    return this.#passed;
  }

  get swallowing(): boolean {
    return this.#swallowing;
  }

  /** At most so many bytes a second (no fewer than 20); 0: none, and the sender is held up as by a reader that does not read. */
  throttle(bytesPerSecond: number): void {
    this.#rate = bytesPerSecond;
    this.#looked = performance.now();
    this.#pass();
  }

  /** Milliseconds that every byte takes longer from now on. */
  delay(milliseconds: number): void {
    this.#delay = milliseconds;
  }

  /** What comes is taken and goes nowhere: the sender's writes succeed, the other end hears nothing, not even that the sender has gone. */
  swallow(): void {
    this.#swallowing = true;
    this.#waiting = [];
    this.#size = 0;
    this.#from.resume();
  }

  flow(): void {
    this.#delay = 0;
    this.throttle(Infinity);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #take(bytes: Buffer): void {
    if (this.#swallowing) return;
    this.#waiting.push({ bytes, due: performance.now() + this.#delay });
    this.#size += bytes.length;
    this.#pass();
    if (this.#size > WAITING) this.#from.pause();
  }

  #pass(): void {
    if (this.#swallowing || this.#timer) return;
    for (;;) {
      const head = this.#waiting[0];
      if (!head) break;
      if (this.#to.writableNeedDrain) return;
      const now = performance.now();
      if (head.due > now) return this.#later(head.due - now);
      const room = this.#rate === Infinity ? Infinity : Math.floor((Math.min(now - this.#looked, BURST_MS) * this.#rate) / 1_000);
      if (room < 1) return this.#rate === 0 ? undefined : this.#later(LOOK_MS);
      this.#looked = now;
      const bytes = head.bytes.subarray(0, room);
      if (bytes.length === head.bytes.length) this.#waiting.shift();
      else this.#waiting[0] = { bytes: head.bytes.subarray(bytes.length), due: head.due };
      this.#size -= bytes.length;
      this.#passed += bytes.length;
      this.#to.write(bytes);
    }
    if (this.#size <= WAITING) this.#from.resume();
    if (this.#ended && this.#waiting.length === 0) this.#to.end();
  }

  #later(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pass();
    }, milliseconds);
  }
}

/** One connection through the proxy. */
export class Link {
  /** From the one who connected to the target. */
  readonly up: Lane;
  /** From the target to the one who connected. */
  readonly down: Lane;
  /** The port of the one who connected: how a test tells its connections apart. */
  readonly port: number;
  readonly #near: Socket;
  readonly #far: Socket;

  constructor(near: Socket, far: Socket, gone: () => void) {
    this.#near = near;
    this.#far = far;
    this.port = near.remotePort ?? 0;
    this.up = new Lane(near, far);
    this.down = new Lane(far, near);
    let left = 2;
    for (const [socket, lane, other] of [
      [near, this.up, far],
      [far, this.down, near],
    ] as const) {
      let broken = false;
      socket.on('error', () => (broken = true));
      socket.on('close', () => {
        lane.stop();
        if (broken && !lane.swallowing) other.resetAndDestroy();
        if (--left === 0) gone();
      });
    }
  }

  /** Both ends hear of it at once, what is under way is lost with `rst` and still arrives with `fin`. */
  cut(how: Cut = 'rst'): void {
    if (how === 'fin' && !this.up.swallowing && !this.down.swallowing) {
      this.#near.end();
      this.#far.end();
      return;
    }
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  /** Half-open: the connection stands, and nothing comes through any more, one way or both. It cannot be healed, only cut. */
  swallow(way: 'up' | 'down' | 'both' = 'both'): void {
    if (way !== 'down') this.up.swallow();
    if (way !== 'up') this.down.swallow();
  }

  /** As if nothing had been done to it; where bytes were swallowed there is nothing to go on with, and it is cut. */
  heal(): void {
    if (this.up.swallowing || this.down.swallowing) return this.cut('rst');
    this.up.flow();
    this.down.flow();
  }
}

/**
 * Stands between two TCP ends and does to their connections what networks do. Needs no privileges, and both ends are the real ones.
 *
 * @example
 * ```ts
 * await using proxy = await FaultProxy.before({ port: 5432 })
 * for (const link of proxy.links) link.down.throttle(1_000)
 * ```
 */
export class FaultProxy implements AsyncDisposable {
  /** Where new connections go. May change: what stands behind a proxy may come back on another port, or be several, of which one is picked. */
  target: Target | (() => Target);
  /** New connections are reset at once. */
  refusing = false;
  /** Is called with each new connection before a byte of it has passed. */
  opened: (link: Link) => void = () => undefined;
  readonly #server: Server;
  readonly #links = new Set<Link>();

  private constructor(target: Target | (() => Target)) {
    this.target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#accept(near));
  }

  static async before(target: Target | (() => Target)): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Those that stand, oldest first. */
  get links(): readonly Link[] {
    return [...this.#links];
  }

  /** The connection that was made from this port. */
  linkFrom(port: number): Link | undefined {
    return this.links.find((link) => link.port === port);
  }

  /** Ends every fault of every connection, and lets new ones in. */
  heal(): void {
    this.refusing = false;
    for (const link of this.#links) link.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links) link.cut('rst');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.refusing) return void near.resetAndDestroy();
    const target = typeof this.target === 'function' ? this.target() : this.target;
    const far = connect({ ...target, host: target.host ?? '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const link: Link = new Link(near, far, () => this.#links.delete(link));
    this.#links.add(link);
    this.opened(link);
  }
}
