import type { Ways } from '../load/arrivals.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu, type Memory } from '../process.ts';
import type { Scale } from '../scale.ts';

/** Half of them stop before anything has come, half after they have reported what they took in. */
const STALLED = 10;
const HALF = STALLED / 2;
const BYTES = 16_384;
const KIB = 1_024;

/** Ms between two commits: everybody but those who have stopped is done with one before the next. */
const PAUSE = 40;

/** Some of many clients stop reading: what each of them costs, and what the others notice of it. */
export async function stalled({ passes, sockets, commits, pour }: Scale): Promise<readonly Result[]> {
  const contenders: Record<string, Contender> = {};
  try {
    for (const [name, some] of Object.entries({ [`${STALLED} stalled`]: true, 'none stalled': false })) {
      contenders[name] = { server: new Part('stalled'), sink: new Part('sink') };
      await begin(contenders[name], { sockets, some, pour });
    }
    const p99: Record<string, number[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    const runs = Object.fromEntries(
      Object.entries(contenders).map(([name, { server, sink }]) => [
        name,
        async () => {
          await sink.ask('note', { commits });
          const before = await server.ask<Cpu>('cpu');
          const done = sink.ask('frames', { each: commits });
          const sent = await server.ask<number[]>('run', { table: 'hot', commits, bytes: 64, pause: PAUSE });
          await done;
          const cpu = (await server.ask<Cpu>('cpu')).us - before.us;
          p99[name]?.push((await sink.ask<Ways>('ways', { sent })).p99);
          return cpu / (commits * (sockets - (name === 'none stalled' ? 0 : STALLED)));
        },
      ]),
    );
    for (const run of Object.values(runs)) await run(); // warm
    for (const each of Object.values(p99)) each.length = 0;
    const values = await interleaved(passes, runs);
    const waiting: Record<string, number[]> = {};
    const used: number[] = [];
    for (const [name, { server }] of Object.entries(contenders)) {
      waiting[name] = [(await server.ask<number>('waiting')) / KIB];
      used.push((await server.ask<Memory>('memory')).used);
    }
    const workload = `${STALLED} of ${sockets} clients stop reading`;
    return [
      {
        ...compare(
          { workload, figure: 'KiB in user space for one client, the most ever', better: 'less', targets: [{ limit: 1_024 }] },
          waiting,
        ),
        ratios: {},
      },
      compare(
        { workload, figure: 'KiB of heap and buffers more for each stalled client', better: 'less' },
        { rowcast: [((used[0] as number) - (used[1] as number)) / STALLED / KIB] },
      ),
      compare(
        { workload, figure: 'µs CPU per delivery to the others', better: 'less', targets: [{ against: 'none stalled', ratio: 1.05 }] },
        values,
      ),
      compare({ workload, figure: 'ms to the others, p99', better: 'less', targets: [{ against: 'none stalled', ratio: 1.3 }] }, p99),
    ];
  } finally {
    for (const { server, sink } of Object.values(contenders)) await Promise.all([server.stop(), sink.stop()]);
  }
}

interface Contender {
  readonly server: Part;
  readonly sink: Part;
}

async function begin(
  { server, sink }: Contender,
  { sockets, some, pour }: { sockets: number; some: boolean; pour: number },
): Promise<void> {
  const port = await server.ask<number>('listen');
  const asked = [{ stream: 'hot' }, { stream: 'heavy', only: STALLED }];
  await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets, asked });
  await sink.ask('leaveOut', { count: STALLED });
  const heavy = (bytes: number): Promise<unknown> =>
    server.ask('run', { table: 'heavy', commits: Math.ceil(bytes / BYTES), bytes: BYTES, pause: 0 });
  if (some) await sink.ask('stall', { from: 0, count: HALF });
  await heavy(pour / 8);
  await new Promise((resolve) => setTimeout(resolve, 200));
  if (some) await sink.ask('stall', { from: HALF, count: HALF });
  await heavy(pour);
}
