import { HAS_NATS, startNats } from '../../test/servers/nats.ts';
import { redisMissing, startRedis } from '../../test/servers/redis.ts';
import { compare, interleaved, spread, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import type { Captured } from '../parts/captured.ts';
import type { Scale } from '../scale.ts';

interface Server extends AsyncDisposable {
  /** What the part needs to find it. */
  readonly url: string;
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

/** Changes of one call, and calls that are on their way at once. */
const EACH = 50;
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
  const [floods, leaders, followers]: Record<string, number[]>[] = [{}, {}, {}];
  const flooding = Object.entries(pairs).map(([name, pair]) => {
    return [
      name,
      async (): Promise<number> => {
        const { seconds, leader, follower } = await pair.flood(rows);
        ((leaders as Record<string, number[]>)[name] ??= []).push(leader / rows);
        ((followers as Record<string, number[]>)[name] ??= []).push(follower / rows);
        return rows / seconds;
      },
    ] as const;
  });
  for (const pair of Object.values(pairs)) await pair.flood(rows); // warm
  Object.assign(floods as object, await interleaved(passes, Object.fromEntries(flooding)));
  const ways = await interleaved(passes, Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, () => pair.way(commits)])));
  const workload = `broker: changes of 200 bytes, ${EACH} an append, from one process through it to another`;
  const latency = 'broker: one change, from `append` to a follower in another process';
  return [
    compare({ workload, figure: 'changes per second', better: 'more', targets: [{ limit: 500_000 }] }, floods as Record<string, number[]>),
    compare({ workload, figure: 'µs of the leader’s CPU per change', better: 'less' }, leaders as Record<string, number[]>),
    compare({ workload, figure: 'µs of the follower’s CPU per change', better: 'less' }, followers as Record<string, number[]>),
    compare({ workload: latency, figure: 'ms, p50 of each pass', better: 'less', targets: [{ limit: 1 }] }, ways),
  ];
}

/** Who appends and who follows. */
class Pair implements AsyncDisposable {
  readonly #leader = new Part('broker');
  readonly #follower = new Part('broker');

  static async open(broker: string, { url }: Server): Promise<Pair> {
    const pair = new Pair();
    for (const part of [pair.#leader, pair.#follower]) await part.ask('open', { broker, at: url });
    await pair.#leader.ask('lead');
    await pair.#follower.ask('follow');
    return pair;
  }

  async flood(rows: number): Promise<{ readonly seconds: number; readonly leader: number; readonly follower: number }> {
    await this.#follower.ask('untimed');
    await this.#follower.ask('expect', { rows });
    const done = this.#follower.ask<Captured>('done');
    const { begun, us } = await this.#leader.ask<{ begun: number; us: number }>('flood', { rows, each: EACH, flight: FLIGHT });
    const { at, us: follower } = await done;
    return { seconds: (at - begun) / 1e3, leader: us, follower };
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
