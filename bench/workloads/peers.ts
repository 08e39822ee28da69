import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../../test/servers/postgres.ts';
import type { DialectName } from '../load/dialects.ts';
import type { Sight } from '../load/sightings.ts';
import { compare, interleaved, spread, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import { references } from '../references/install.ts';
import type { Scale } from '../scale.ts';

interface Peer {
  readonly part: string;
  readonly dialect: DialectName;
  /** It may leave out states that a newer one has overtaken. */
  readonly skips?: boolean;
}

const PEERS: Readonly<Record<string, Peer>> = {
  rowcast: { part: 'peer-rowcast', dialect: 'rowcast' },
  feathers: { part: '../references/feathers-postgres', dialect: 'socket.io' },
  'log to ws.send': { part: '../references/log-to-ws', dialect: 'bare' },
};

/** Measured only where it has been installed: it is 350 MB. `npm ci --prefix bench/references/zero`. */
const ZERO: Peer = { part: '../references/zero/server', dialect: 'zero', skips: true };
const INSTALLED = fileURLToPath(new URL('../references/zero/node_modules/@rocicorp/zero', import.meta.url));

/** So many clients, so many writes of the one row that they all watch: at a pace that all keep up with, and as fast as four writers can. */
interface Load {
  readonly clients: number;
  readonly paced: number;
  readonly everyMs: number;
  readonly burst: number;
}

const ABREAST = 4;

/** One row of Postgres changes, everybody watches it: what systems that do the same job need for it, from the write to the last client. */
export async function peers(scale: Scale): Promise<readonly Result[]> {
  if (!(await references(scale))) return [];
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB' } });
  const results: Result[] = [];
  for (const load of loads(scale)) results.push(...(await measured(server, { load, passes: scale.passes })));
  return results;
}

function loads({ sockets, commits }: Scale): readonly Load[] {
  const few = { clients: sockets / 10, paced: Math.ceil(commits * 0.3), everyMs: 30, burst: commits };
  const many = { clients: sockets, paced: Math.ceil(commits * 0.12), everyMs: 100, burst: Math.ceil(commits * 0.4) };
  return [few, many];
}

async function measured(server: PostgresServer, { load, passes }: { load: Load; passes: number }): Promise<readonly Result[]> {
  const { clients } = load;
  const contenders: Record<string, Contender> = {};
  try {
    for (const [name, peer] of Object.entries({ ...PEERS, ...(existsSync(INSTALLED) && { zero: ZERO }) }))
      contenders[name] = await Contender.open(peer, await database(server), clients);
    const each = Object.entries(contenders);
    for (const [, contender] of each) await contender.pass(load); // warm
    for (const [, contender] of each) contender.forget();
    const runs = Object.fromEntries(each.map(([name, contender]) => [name, () => contender.pass(load)]));
    const cpu = await interleaved(passes, runs);
    const of = (figure: (contender: Contender) => readonly number[]): Record<string, readonly number[]> =>
      Object.fromEntries(each.map(([name, contender]) => [name, figure(contender)]));
    const workload = `1 row of Postgres to ${clients} clients`;
    return [
      compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets: [{ against: 'feathers', ratio: 0.35 }] }, cpu),
      compare(
        { workload, figure: 'ms from before the write to the last client, p50 of each pass', better: 'less' },
        of((c) => c.medians),
      ),
      compare(
        { workload, figure: 'ms from before the write to the last client, p99 of all passes', better: 'less' },
        of((c) => [c.slow]),
      ),
      compare(
        { workload, figure: `% of states that came, ${ABREAST} writes in flight`, better: 'more' },
        of((c) => c.states),
      ),
    ];
  } finally {
    for (const contender of Object.values(contenders)) await contender.stop();
  }
}

/** Of its own for each: what one writes, no other's log tells. */
async function database(server: PostgresServer): Promise<string> {
  const url = await server.createDatabase();
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE TABLE hot(id int PRIMARY KEY, value int, body text)');
  await client.query("INSERT INTO hot VALUES (1, 0, repeat('b', 40))");
  await client.end();
  return url;
}

class Contender {
  readonly #server: Part;
  readonly #sink: Part;
  readonly #skips: boolean;
  #value = 1;
  /** By pass. */
  readonly medians: number[] = [];
  readonly states: number[] = [];
  readonly #lasts: number[] = [];

  private constructor({ part, skips = false }: Peer) {
    this.#skips = skips;
    this.#server = new Part(part);
    this.#sink = new Part('peer-sink');
  }

  static async open(peer: Peer, url: string, clients: number): Promise<Contender> {
    const contender = new Contender(peer);
    const port = await contender.#server.ask<number>('listen', { url });
    await contender.#sink.ask('open', { port, dialect: peer.dialect, sockets: clients });
    return contender;
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
  }

  async #run(how: 'paced' | 'burst', given: { readonly writes: number }): Promise<Sight> {
    const first = this.#value;
    this.#value += given.writes;
    await this.#sink.ask('watch', { first, writes: given.writes });
    const came = this.#skips ? this.#sink.ask('newest', { value: this.#value - 1 }) : this.#sink.ask('frames', { each: given.writes });
    const sent = await this.#server.ask<number[]>(how, { first, ...given });
    await came;
    return this.#sink.ask<Sight>('sight', { sent });
  }
}
