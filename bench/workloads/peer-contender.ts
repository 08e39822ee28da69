import pg from 'pg';
import type { DialectName } from '../load/dialects.ts';
import type { Sight } from '../load/sightings.ts';
import { spread } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';

/** Writers of a burst. */
export const ABREAST = 4;

export interface Peer {
  readonly part: string;
  readonly dialect: DialectName;
  /** It may leave out states that a newer one has overtaken. */
  readonly skips?: boolean;
}

/** So many clients, and so many writes of the one row that they all watch: at a pace, one at a time, and as fast as four writers can. */
export interface Load {
  readonly clients: number;
  readonly paced: number;
  readonly everyMs: number;
  readonly burst: number;
}

/** A server that is compared, a database of its own (what one writes, no other's log tells), and its clients. */
export class PeerContender {
  readonly #server: Part;
  readonly #sink: Part;
  readonly #app: pg.Client;
  readonly #peer: Peer;
  #port = 0;
  #clients = 0;
  #value = 1;
  /** By pass. */
  readonly medians: number[] = [];
  readonly states: number[] = [];
  readonly #lasts: number[] = [];

  private constructor(peer: Peer, app: pg.Client) {
    this.#app = app;
    this.#peer = peer;
    this.#server = new Part(peer.part);
    this.#sink = new Part('peer-sink');
  }

  static async open(peer: Peer, url: string): Promise<PeerContender> {
    const app = new pg.Client(url);
    await app.connect();
    await app.query('CREATE TABLE hot(id int PRIMARY KEY, value int, body text)');
    await app.query("INSERT INTO hot VALUES (1, 0, repeat('b', 40))");
    const contender = new PeerContender(peer, app);
    contender.#port = await contender.#server.ask<number>('listen', { url });
    return contender;
  }

  /** More clients come, until there are so many. */
  async grow(clients: number): Promise<void> {
    const { dialect } = this.#peer;
    await this.#sink.ask('open', { port: this.#port, dialect, sockets: clients - this.#clients });
    this.#clients = clients;
  }

  /** Ms: of all writes so far that were paced. */
  get slow(): number {
    return this.#lasts.toSorted((one, other) => one - other)[Math.floor(this.#lasts.length * 0.99)] as number;
  }

  /** Gives the µs of CPU per delivery at a pace. */
  async pass({ paced, everyMs, burst }: Load): Promise<number> {
    const before = await this.#server.ask<Cpu>('cpu');
    const steady = await this.#run('paced', { writes: paced, everyMs });
    const { us } = await this.#server.ask<Cpu>('cpu');
    this.medians.push(spread(steady.lasts).median);
    this.#lasts.push(...steady.lasts);
    this.states.push((await this.#run('burst', { writes: burst, abreast: ABREAST })).states * 100);
    return (us - before.us) / steady.deliveries;
  }

  forget(): void {
    this.medians.length = this.states.length = this.#lasts.length = 0;
  }

  async stop(): Promise<void> {
    await this.#sink.stop(); // a client that is sent away is an error to it
    await this.#server.ask('close').catch(() => undefined);
    await this.#server.stop();
    await this.#app.end();
  }

  async #run(
    how: 'paced' | 'burst',
    given: { readonly writes: number; readonly everyMs?: number; readonly abreast?: number },
  ): Promise<Sight> {
    const first = this.#value;
    this.#value += given.writes;
    await this.#sink.ask('watch', { first, writes: given.writes });
    const frames = this.#peer.skips ? undefined : this.#sink.ask('frames', { each: given.writes });
    const sent = await this.#server.ask<number[]>(how, { first, ...given });
    await (frames ?? this.#sink.ask('newest', { value: await this.#committed() }));
    return this.#sink.ask<Sight>('sight', { sent });
  }

  /** Several writers may have come through in another order than they began. */
  async #committed(): Promise<number> {
    const { rows } = await this.#app.query<{ value: number }>('SELECT value FROM hot');
    return (rows[0] as { value: number }).value;
  }
}
