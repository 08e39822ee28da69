import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

const ROWS = 100;
/** Rounds before it counts. */
const WARM = 2;

/** By the rooms that a gap is spread over: what a client of one of them is told of it. */
const GAPS: readonly Gap[] = [
  { rooms: 100, together: false, limit: 150 },
  { rooms: 100, together: true, limit: 150 },
  { rooms: 2, together: true },
  { rooms: 1, together: true },
];

interface Gap {
  readonly rooms: number;
  /** They left at the same moment and come back a hundred at a time; or each alone, and no two have missed the same. */
  readonly together: boolean;
  /** µs. */
  readonly limit?: number;
}

interface Entered {
  readonly ms: number;
  readonly commits: number;
  readonly rows: number;
  readonly resets: readonly string[];
}

/** Clients that come back and have missed a gap: the server's CPU for each, beyond that of a connection that asks for nothing. */
export async function resume(scale: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const gap of GAPS) {
    const parts = { server: new Part('resume'), sink: new Part('sink') };
    try {
      results.push(...(await measure(parts, gap, scale)));
    } finally {
      await Promise.all([parts.server.stop(), parts.sink.stop()]);
    }
  }
  return results;
}

interface Parts {
  readonly server: Part;
  readonly sink: Part;
}

async function measure({ server, sink }: Parts, gap: Gap, { passes, sockets, missed, apart }: Scale): Promise<readonly Result[]> {
  const { rooms, together, limit } = gap;
  const port = await server.ask<number>('listen');
  await server.ask('fill', { rooms, each: ROWS, bytes: 60 });
  const asked = [{ stream: 'hot', by: { column: 'room', of: rooms } }];
  await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets, asked });
  await leave({ server, sink }, gap, { sockets, missed });
  let told = '';
  const run = (asking: 'nothing' | 'resume') => async (): Promise<number> => {
    await server.ask('empty');
    // What was made for others is kept for a moment: nobody is to find it.
    if (!together) await new Promise((resolve) => setTimeout(resolve, apart));
    const before = await server.ask<Cpu>('cpu');
    const entered = await sink.ask<Entered>('enter', { count: sockets, abreast: together ? 100 : 1, asking, keep: false });
    const cpu = (await server.ask<Cpu>('cpu')).us - before.us;
    if (asking === 'resume') told = describe(entered, sockets);
    await sink.ask('leave');
    return cpu / sockets;
  };
  const runs = { 'coming back': run('resume'), 'a bare connection': run('nothing') };
  for (let round = 0; round < WARM; round++) for (const each of Object.values(runs)) await each();
  const values = await interleaved(passes, runs);
  const beyond = (values['coming back'] ?? []).map((value, pass) => value - (values['a bare connection']?.[pass] as number));
  const who = together ? `100 at a time, ${sockets / rooms} with the same view` : 'one at a time, no two with the same gap';
  const workload = `resume: ${missed} commits missed, ${missed / rooms} of them of the client’s view; ${who}; told ${told}`;
  return [
    compare({ workload, figure: 'µs of the server’s CPU per client', better: 'less' }, values),
    compare(
      {
        workload,
        figure: 'µs of the server’s CPU per client, beyond the connection',
        better: 'less',
        targets: limit === undefined ? [] : [{ limit }],
      },
      { rowcast: beyond },
    ),
  ];
}

/** … and it happens what they miss. */
async function leave(
  { server, sink }: Parts,
  { rooms, together }: Gap,
  { sockets, missed }: Pick<Scale, 'sockets' | 'missed'>,
): Promise<void> {
  if (together) await sink.ask('leave');
  for (let from = 0; !together && from < sockets; from += rooms) {
    await sink.ask('leave', { from, count: rooms });
    await server.ask('change', { changes: rooms }); // one in each room
  }
  await server.ask('change', { changes: missed });
}

function describe({ commits, rows, resets }: Entered, clients: number): string {
  if (resets.length > 0) return `to read again (${resets.join(', ')}): ${rows / clients} frames of rows`;
  return commits / clients === 1 ? 'in one, merged' : `in ${commits / clients} commits`;
}
