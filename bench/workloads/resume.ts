import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

const ROWS = 100;
/** Fewer clients are no measure. */
const ENOUGH = 50;
/** Rounds before it counts. */
const WARM = 3;

/** By the rooms that a gap is spread over: what a client of one of them is told of it. */
const GAPS = [
  { rooms: 100, target: '≤ 150 µs' },
  { rooms: 2, target: undefined },
  { rooms: 1, target: undefined },
];

/** One after another, one for each view: nobody finds what was made for another. And many at once, some for each view. */
const COMING = [
  { abreast: 1, alone: true },
  { abreast: 100, alone: false },
];

interface Entered {
  readonly ms: number;
  readonly commits: number;
  readonly rows: number;
  readonly resets: readonly string[];
}

/** Clients that come back and have missed a gap: the server's CPU for each, beyond that of a connection that asks for nothing. */
export async function resume(scale: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const { rooms, target } of GAPS) {
    const server = new Part('resume');
    const sink = new Part('sink');
    try {
      results.push(...(await measure({ server, sink, rooms, target }, scale)));
    } finally {
      await Promise.all([server.stop(), sink.stop()]);
    }
  }
  return results;
}

interface Gap {
  readonly server: Part;
  readonly sink: Part;
  readonly rooms: number;
  readonly target: string | undefined;
}

async function measure({ server, sink, rooms, target }: Gap, { passes, sockets, missed, apart }: Scale): Promise<readonly Result[]> {
  const port = await server.ask<number>('listen');
  await server.ask('fill', { rooms, each: ROWS, bytes: 60 });
  const asked = [{ stream: 'hot', by: { column: 'room', of: rooms } }];
  await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets, asked });
  await sink.ask('leave');
  await server.ask('change', { changes: missed });
  const results: Result[] = [];
  for (const { abreast, alone } of COMING) {
    const count = alone ? Math.min(rooms, sockets) : sockets;
    if (count < ENOUGH) continue;
    let told = '';
    const run = (asking: 'nothing' | 'resume') => async (): Promise<number> => {
      await server.ask('empty');
      if (alone) await new Promise((resolve) => setTimeout(resolve, apart));
      const before = await server.ask<Cpu>('cpu');
      const entered = await sink.ask<Entered>('enter', { count, abreast, asking, keep: false });
      const cpu = (await server.ask<Cpu>('cpu')).us - before.us;
      if (asking === 'resume') told = describe(entered, count);
      await sink.ask('leave');
      return cpu / count;
    };
    const runs = { 'coming back': run('resume'), 'a bare connection': run('nothing') };
    for (let round = 0; round < WARM; round++) for (const each of Object.values(runs)) await each();
    const values = await interleaved(passes, runs);
    const beyond = (values['coming back'] ?? []).map((value, pass) => value - (values['a bare connection']?.[pass] as number));
    const workload = `resume: ${missed} commits missed, ${missed / rooms} of them of the client’s view; ${alone ? 'alone' : `${abreast} at a time, ${sockets / rooms} of a view`}; told ${told}`;
    results.push(compare({ workload, figure: 'µs of the server’s CPU per client', better: 'less' }, values));
    results.push(
      compare(
        { workload, figure: 'µs of the server’s CPU per client, beyond the connection', better: 'less', ...(target && { target }) },
        { rowcast: beyond },
      ),
    );
  }
  return results;
}

function describe({ commits, rows, resets }: Entered, clients: number): string {
  if (resets.length > 0) return `to read again (${resets.join(', ')}): ${rows / clients} frames of rows`;
  return commits / clients === 1 ? 'in one, merged' : `in ${commits / clients} commits`;
}
