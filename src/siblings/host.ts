import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { BrokerOptions, Entry, GroupMessage, Ledger, Position } from '../core/index.ts';
import { memoryLedger } from '../memory/index.ts';
import { Bodies } from './bodies.ts';
import { lost, type Link, type LinkEvents } from './link.ts';
import type { Place, Seen } from './place.ts';
import { Served } from './served.ts';
import { frameOf, jsonOf, KIND } from './wire.ts';

/** Between two looks whether the place is still its own. */
const LOOK_MS = 1_000;
/** Who got no turn for so long may have been taken for dead: it looks before it lets anybody append. */
const FROZEN_MS = 3_000;

/** Keeps the ledger and the bus, for itself and for its siblings, for as long as the socket's file is its own. */
export class Host implements Link {
  readonly ledger: Ledger;
  readonly bodies: Bodies = new Bodies();
  readonly options: BrokerOptions;
  readonly #kept: Ledger;
  readonly #place: Place;
  readonly #events: LinkEvents;
  readonly #server: Server;
  readonly #served = new Set<Served>();
  readonly #ended = new AbortController();
  #file: Seen | null = null;
  #looked = 0;

  /** Null: another was quicker, or the dead one's file has gone. */
  static async claim(
    place: Place,
    dead: Seen | null,
    { options, events }: { options: BrokerOptions; events: LinkEvents },
  ): Promise<Host | null> {
    const host = new Host(place, options, events);
    const own = place.own();
    await host.#listen(own);
    try {
      // Renaming moves the file as it is, so what is claimed is what was seen here.
      const file = await place.look(own);
      if (await place.claim(own, dead)) {
        host.#begin(file);
        return host;
      }
    } catch (error) {
      host.#server.close();
      throw error;
    }
    // It takes its own file along.
    host.#server.close();
    return null;
  }

  private constructor(place: Place, options: BrokerOptions, events: LinkEvents) {
    this.#place = place;
    this.#events = events;
    this.options = options;
    this.#kept = memoryLedger(options.start, { bounds: options.bounds, clock: options.clock });
    this.ledger = {
      floor: () => this.#alive(() => this.#kept.floor()),
      tail: () => this.#alive(() => this.#kept.tail()),
      lead: (least, start) => this.#sure(() => this.#kept.lead(least, start)),
      append: (entries, term) => this.#sure(() => this.#kept.append(entries, term)),
      follow: (after, signal) => this.#follow(after, signal),
    };
    this.#server = createServer((socket) => this.#serve(socket)).unref();
  }

  async send(message: GroupMessage): Promise<void> {
    await this.#alive(async () => this.spread(message));
  }

  /** To everybody, in one order, the sender among them. */
  spread(message: GroupMessage): void {
    if (this.#served.size > 0) {
      const frame = frameOf(KIND.heard, 0, jsonOf(message));
      for (const served of this.#served) served.tell(frame);
    }
    this.#events.heard(message);
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    // Only as long as it listens is the place surely its own.
    if (this.#file !== null && (await this.#place.look()) === this.#file) await this.#place.leave();
    this.#end();
  }

  #listen(own: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // Exclusive: for a cluster's worker it would be the primary that listens, and whether this process lives could not be told by it.
      this.#server.listen({ path: own, exclusive: true }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.options.log.warn({ err: error }, 'siblings: a connection could not be taken'));
        chmod(own, 0o600).then(resolve, reject);
      });
    });
  }

  #begin(file: Seen | null): void {
    this.#file = file;
    this.#looked = this.options.clock.now();
    this.options.log.info({ path: this.#place.path }, 'siblings: this process keeps the ledger');
    this.#watch();
  }

  #watch(): void {
    this.options.clock.after(LOOK_MS, () => {
      if (this.#ended.signal.aborted) return;
      void this.#look().finally(() => this.#watch());
    });
  }

  async #look(): Promise<void> {
    const found = await this.#place.look().catch(() => this.#file);
    this.#looked = this.options.clock.now();
    if (found === this.#file || this.#ended.signal.aborted) return;
    this.options.log.warn({ path: this.#place.path }, 'siblings: another process keeps the ledger now');
    this.#end();
    this.#events.lost('another process keeps the ledger now');
  }

  #end(): void {
    this.#ended.abort();
    this.#server.close();
    for (const served of this.#served) served.close();
  }

  #serve(socket: Socket): void {
    if (this.#ended.signal.aborted) return void socket.destroy();
    const served = new Served(this, socket);
    this.#served.add(served);
    socket.on('close', () => {
      this.#served.delete(served);
      served.close();
    });
  }

  async #alive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#ended.signal.aborted) throw lost('this process keeps the ledger no more');
    return act();
  }

  async #sure<T>(act: () => Promise<T>): Promise<T> {
    if (this.options.clock.now() - this.#looked > FROZEN_MS) await this.#look();
    return this.#alive(act);
  }

  #follow(after: Position, signal: AbortSignal): AsyncIterable<readonly Entry[]> {
    const kept = this.#kept.follow(after, AbortSignal.any([signal, this.#ended.signal]));
    const ended = this.#ended.signal;
    return (async function* () {
      yield* kept;
      if (!signal.aborted && ended.aborted) throw lost('this process keeps the ledger no more');
    })();
  }
}
