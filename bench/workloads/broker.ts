import { readFileSync } from 'node:fs';
import { HAS_NATS, startNats } from '../../test/servers/nats.ts';
import { redisMissing, startRedis } from '../../test/servers/redis.ts';
import { compare, interleaved, spread, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import type { Captured } from '../parts/captured.ts';
import type { Scale } from '../scale.ts';

interface Server extends AsyncDisposable {
  /** What the part needs to find it. */
  readonly url: string;
  pid(): Promise<number>;
}

interface Kind {
  /** Why it cannot be measured here; null: it can. */
  missing(): string | null;
  start(): Promise<Server>;
}

/** By the name that the part knows it by. The first is the one that the targets are about. */
const BROKERS: Readonly<Record<string, Kind>> = {
  'node-redis': { missing: redisMissing, start: () => startRedis() },
  ioredis: { missing: redisMissing, start: () => startRedis() },
  nats: { missing: () => (HAS_NATS ? null : 'nats-server is not installed'), start: () => startNats() },
};

/** Changes of a commit: as apps write, and as an import does. */
const COMMITS = [1, 50];
/** Changes of one call, and calls that are on their way at once. */
const EACH = 500;
const FLIGHT = 8;

/** A ledger outside the process: one process appends, another one follows. */
export async function broker({ passes, rows, commits }: Scale): Promise<readonly Result[]> {
  await using opened = new AsyncDisposableStack();
  const pairs: Record<string, Pair> = {};
  for (const [name, { missing, start }] of Object.entries(BROKERS)) {
    const why = missing();
    if (why !== null) console.log(`${name} is left out: ${why}`);
    else pairs[name] = opened.use(await Pair.open(name, opened.use(await start())));
  }
  const results: Result[] = [];
  for (const commit of COMMITS) {
    for (const pair of Object.values(pairs)) await pair.flood(rows, commit); // warm
    const cpu: Record<'leader' | 'follower' | 'server', Record<string, number[]>> = { leader: {}, follower: {}, server: {} };
    const flooding = Object.entries(pairs).map(([name, pair]) => {
      return [
        name,
        async (): Promise<number> => {
          const { seconds, ...us } = await pair.flood(rows, commit);
          for (const [who, spent] of Object.entries(us)) ((cpu[who as keyof typeof cpu] as Record<string, number[]>)[name] ??= []).push(spent / rows); // prettier-ignore
          return rows / seconds;
        },
      ] as const;
    });
    const workload = `broker: changes of 200 bytes, ${commit} a commit, ${EACH} an append, from one process through it to another`;
    const about = { workload, figure: 'changes per second', better: 'more', targets: [{ limit: 500_000 }] } as const;
    results.push(compare(about, await interleaved(passes, Object.fromEntries(flooding))));
    for (const [who, spent] of Object.entries(cpu)) {
      results.push(compare({ workload, figure: `µs of the ${who}’s CPU per change`, better: 'less' }, spent));
    }
  }
  const ways = await interleaved(passes, Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, () => pair.way(commits)])));
  const latency = 'broker: one change, from `append` to a follower in another process';
  return [...results, compare({ workload: latency, figure: 'ms, p50 of each pass', better: 'less', targets: [{ limit: 1 }] }, ways)];
}

/** Microseconds of CPU that another process has had, by the kernel's ticks of 10 ms. */
function cpuOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 13); // prettier-ignore
  return (Number(user) + Number(system)) * 10_000;
}

/** What a flood took, and of whose CPU, in microseconds. */
interface Flood {
  readonly seconds: number;
  readonly leader: number;
  readonly follower: number;
  readonly server: number;
}

/** Who appends and who follows. */
class Pair implements AsyncDisposable {
  readonly #leader = new Part('broker');
  readonly #follower = new Part('broker');
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(broker: string, server: Server): Promise<Pair> {
    const pair = new Pair(server);
    const { url } = server;
    for (const part of [pair.#leader, pair.#follower]) await part.ask('open', { broker, at: url });
    await pair.#leader.ask('lead');
    await pair.#follower.ask('follow');
    return pair;
  }

  async flood(rows: number, commit: number): Promise<Flood> {
    await this.#follower.ask('untimed');
    await this.#follower.ask('expect', { rows });
    const done = this.#follower.ask<Captured>('done');
    const pid = await this.#server.pid();
    const before = cpuOf(pid);
    const asked = { rows, commit, each: EACH, flight: FLIGHT };
    const { begun, us } = await this.#leader.ask<{ begun: number; us: number }>('flood', asked);
    const { at, us: follower } = await done;
    return { seconds: (at - begun) / 1e3, leader: us, follower, server: cpuOf(pid) - before };
  }

  async way(commits: number): Promise<number> {
    await this.#follower.ask('time');
    const sent = await this.#leader.ask<number[]>('paced', { commits, pause: 2 });
    const came: number[] = [];
    while (came.length < commits) came.push(...(await this.#follower.ask<number[]>('times')));
    return spread(came.map((at, commit) => at - (sent[commit] as number))).median;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of [this.#follower, this.#leader]) {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
  }
}
