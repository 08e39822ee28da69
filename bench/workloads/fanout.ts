import { basename } from 'node:path';
import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';
import type { Target } from '../targets.ts';

const SERVERS = { rowcast: 'fanout-rowcast', 'net.Socket.write': 'fanout-socket', 'ws.send(string)': 'fanout-ws' };

/** By the messages of a turn of the event loop. */
const TARGETS: Readonly<Record<number, readonly Target[]>> = {
  1: [
    { against: 'net.Socket.write', ratio: 1.15 },
    { against: 'ws.send(string)', ratio: 0.85 },
  ],
  16: [{ against: 'ws.send(string)', ratio: 1 / 12 }],
};

/** One hot row, everybody in its group: the server's CPU per delivery, at one message per turn of the event loop and at 16. */
export async function fanout({ passes, sockets, deliveries, against }: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  const contenders = await open(sockets, against);
  try {
    for (const each of Object.keys(TARGETS).map(Number)) {
      const ticks = Math.max(1, Math.round(deliveries / sockets / each));
      const run =
        ({ server, sink }: Contender) =>
        async (): Promise<number> => {
          const before = await server.ask<Cpu>('cpu');
          const done = sink.ask('frames', { each: ticks * each });
          await server.ask('run', { ticks, each, bytes: 64 });
          await done;
          return ((await server.ask<Cpu>('cpu')).us - before.us) / (ticks * each * sockets);
        };
      for (const contender of Object.values(contenders)) await run(contender)(); // warm
      const values = await interleaved(passes, Object.fromEntries(Object.entries(contenders).map(([name, each]) => [name, run(each)])));
      results.push(
        compare(
          {
            workload: `fan-out: 1 row to ${sockets} sockets, ${each} per tick`,
            figure: 'µs CPU per delivery',
            better: 'less',
            targets: TARGETS[each] ?? [],
          },
          values,
        ),
      );
    }
  } finally {
    for (const { server, sink } of Object.values(contenders)) await Promise.all([server.stop(), sink.stop()]);
  }
  return results;
}

interface Contender {
  readonly server: Part;
  readonly sink: Part;
}

/** `against`: another checkout's Rowcast, by clients of its own: they speak its wire. */
async function open(sockets: number, against: string | undefined): Promise<Record<string, Contender>> {
  const contenders: Record<string, Contender> = {};
  const servers = { ...SERVERS, ...(against === undefined ? {} : { [basename(against)]: SERVERS.rowcast }) };
  for (const [name, part] of Object.entries(servers)) {
    const from = name in SERVERS ? undefined : against;
    const server = new Part(part, from);
    const sink = new Part('sink', from);
    const port = await server.ask<number>('listen');
    const ours = part === SERVERS.rowcast;
    await sink.ask('open', { port, path: '/', protocol: ours ? 'rowcast.1' : '', sockets, asked: ours ? [{ stream: 'hot' }] : [] });
    contenders[name] = { server, sink };
  }
  return contenders;
}
