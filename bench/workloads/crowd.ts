import type { Ways } from '../load/arrivals.ts';
import type { Flooded } from '../load/flood.ts';
import type { Layout } from '../load/rooms.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';
import { contenders } from './contenders.ts';

const SERVERS = { rowcast: 'rooms-rowcast', 'ws.send(string)': 'rooms-ws' };
const APART = 10;

/** Two large messages in a turn's time would be more than the machine can do: about two thirds of it. */
const PACE = { small: 7, large: 45, bytes: 64 };

/** Five thousand sockets in one group are told something again and again, ten in another: how long those wait. */
export async function crowd({ passes, sockets, commits, against }: Scale): Promise<readonly Result[]> {
  const crowded = sockets * 5;
  const layout: Layout = { kind: 'crowd', clients: crowded + APART, apart: APART };
  await using all = await contenders({ servers: SERVERS, sockets: crowded, listen: { layout }, stream: 'items', numbered: 0, against });
  await using few = await joined(all, crowded);
  const p50: Record<string, number[]> = {};
  const p99: Record<string, number[]> = {};
  const run = async (name: string): Promise<number> => {
    const [{ server, sink }, apart] = [all[name], few.sinks[name]] as [(typeof all)[string], Part];
    await apart.ask('note', { commits: commits * 2 });
    const before = await server.ask<Cpu>('cpu');
    const { due, large } = await server.ask<Flooded>('flood', { ...PACE, commits: commits * 2 });
    const deliveries = large * crowded;
    await Promise.all([sink.ask('total', { commits: deliveries }), apart.ask('total', { commits: due.length * APART })]);
    const { us } = await server.ask<Cpu>('cpu');
    const ways = await apart.ask<Ways>('ways', { sent: due });
    (p50[name] ??= []).push(ways.p50);
    (p99[name] ??= []).push(ways.p99);
    return (us - before.us) / (deliveries + due.length * APART);
  };
  const names = Object.keys(all);
  for (const name of names) await run(name); // warm
  for (const all of [p50, p99]) for (const values of Object.values(all)) values.length = 0;
  const cpu = await interleaved(passes, Object.fromEntries(names.map((name) => [name, () => run(name)])));
  const workload = `fan-out: a group of ${APART} while one of ${crowded} is flooded`;
  return [
    compare({ workload, figure: 'ms until the small group has it, p50', better: 'less' }, p50),
    compare({ workload, figure: 'ms until the small group has it, p99', better: 'less' }, p99),
    compare({ workload, figure: 'µs CPU per delivery', better: 'less' }, cpu),
  ];
}

/** Those of the small group, in a process that the flood does not keep busy. */
async function joined(
  all: Awaited<ReturnType<typeof contenders>>,
  first: number,
): Promise<{ readonly sinks: Readonly<Record<string, Part>> } & AsyncDisposable> {
  const sinks: Record<string, Part> = {};
  for (const [name, contender] of Object.entries(all)) {
    await contender.more((sinks[name] = new Part('sink')), { sockets: APART, numbered: first });
  }
  return {
    sinks,
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(sinks).map((sink) => sink.stop()));
    },
  };
}
