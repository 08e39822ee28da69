import { type Bus, type Clock, type GroupMessage } from '../core/index.ts';
import { Link, type LinkOptions } from './link.ts';
import type { Dial } from './clients.ts';

export interface BusParts {
  /** What is sent goes this way, in order. */
  readonly link: Link;
  readonly channel: string;
  readonly options: LinkOptions;
}

type Sent = readonly [from: string, group: string, stream: string | null, payload: GroupMessage['payload'], except: string | null];

/**
 * A bus over a channel of Redis. Who listens in this process is told at once, also while Redis is away; what comes back of one's own says only
 * that the channel is heard, so a connection that has gone silent is found and made anew.
 */
export class RedisBus implements Bus {
  readonly #parts: BusParts;
  readonly #own: string;
  readonly #listeners = new Set<(message: GroupMessage) => void>();
  #ears: Link | null = null;
  #watch: ReturnType<Clock['after']> | null = null;
  #heard = 0;

  private constructor(parts: BusParts) {
    this.#parts = parts;
    this.#own = parts.options.clock.id();
  }

  static async open(dial: Dial, parts: BusParts): Promise<RedisBus> {
    const bus = new RedisBus(parts);
    bus.#ears = await Link.open(dial, parts.options, (line) => line.hear(parts.channel, (text) => bus.#hear(text)));
    return bus;
  }

  async send(message: GroupMessage): Promise<void> {
    const { group, stream, payload, except } = message;
    const sent: Sent = [this.#own, group, stream, payload, except];
    const published = this.#parts.link.send(['PUBLISH', this.#parts.channel, JSON.stringify(sent)], null);
    this.#tell(message);
    await published;
    this.#watch ??= this.#watched();
  }

  listen(hear: (message: GroupMessage) => void): () => void {
    // The same function may listen twice.
    const own = (message: GroupMessage): void => hear(message);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): void {
    this.#watch?.cancel();
    this.#ears?.close();
  }

  #hear(text: string): void {
    const [from, group, stream, payload, except] = JSON.parse(text) as Sent;
    this.#heard++;
    if (from !== this.#own) this.#tell({ group, stream, payload, except });
  }

  #tell(message: GroupMessage): void {
    for (const hear of this.#listeners) hear(message);
  }

  #watched(): ReturnType<Clock['after']> {
    const before = this.#heard;
    const { clock, patience } = this.#parts.options;
    return clock.after(patience, () => {
      this.#watch = null;
      if (this.#heard === before) this.#ears?.renew();
    });
  }
}
