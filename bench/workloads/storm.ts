import { compare, counted, spread, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

const ROOMS = 1_000;
const ABREAST = 500;

interface Asked {
  readonly readings: number;
  readonly queries: number;
}

/** Many clients whose connections drop at once and who come back at once: what it costs the server, and what it asks of the database. */
export async function storm({ passes, storm: count, missed, apart }: Scale): Promise<readonly Result[]> {
  const server = new Part('storm');
  const sink = new Part('sink');
  try {
    const port = await server.ask<number>('listen');
    const asked = [{ stream: 'post', by: { column: 'room', of: ROOMS } }, { stream: 'news' }];
    await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets: count, asked });
    const changes = Math.ceil(missed / 10);
    const figures: Record<'resume' | 'anew', Figures[]> = { resume: [], anew: [] };
    const idle: number[] = [];
    for await (const pass of counted(passes + 1)) {
      for (const asking of ['resume', 'anew'] as const) {
        await sink.ask('leave');
        await server.ask('change', { changes });
        await server.ask('empty');
        if (asking === 'anew') await new Promise((resolve) => setTimeout(resolve, apart));
        await server.ask('asked');
        const before = await server.ask<Cpu>('cpu');
        const { ms } = await sink.ask<{ ms: number }>('enter', { count, abreast: ABREAST, asking });
        const cpu = (await server.ask<Cpu>('cpu')).us - before.us;
        const database = await server.ask<Asked>('asked');
        if (pass > 0) figures[asking].push({ ms, cpu: cpu / 1e6, database }); // the first warms
        if (asking === 'anew') continue;
        // What is asked in as long a time with nobody coming back: the source looks after itself.
        await sink.ask('leave');
        await server.ask('change', { changes });
        await server.ask('empty');
        await server.ask('asked');
        await new Promise((resolve) => setTimeout(resolve, ms));
        const { queries } = await server.ask<Asked>('asked');
        if (pass > 0) idle.push(queries);
      }
    }
    const workload = `${count} clients back at once, ${ABREAST} at a time, 2 views each, after ${changes} commits`;
    const all = (asking: keyof typeof figures, figure: (each: Figures) => number): readonly number[] => figures[asking].map(figure);
    const readings = spread(all('anew', ({ database }) => database.readings)).median;
    return [
      compare(
        { workload, figure: 'readings of rows', better: 'less', targets: [{ limit: 0 }] },
        { resumed: all('resume', ({ database }) => database.readings) },
      ),
      compare(
        { workload, figure: 'queries of the database, all', better: 'less', targets: [{ against: 'nobody', ratio: 1 }] },
        { resumed: all('resume', ({ database }) => database.queries), nobody: idle },
      ),
      compare(
        { workload: `${workload}; nobody may resume`, figure: `readings, of ${Math.min(ROOMS, count) + 1} distinct views`, better: 'less' },
        { anew: all('anew', ({ database }) => database.readings) },
      ),
      compare(
        { workload, figure: 'ms until all are ready', better: 'less' },
        { resumed: all('resume', ({ ms }) => ms), [`anew (${readings} readings)`]: all('anew', ({ ms }) => ms) },
      ),
      compare(
        { workload, figure: 's of the server’s CPU', better: 'less', targets: [{ limit: 2 }] },
        { resumed: all('resume', ({ cpu }) => cpu), anew: all('anew', ({ cpu }) => cpu) },
      ),
    ];
  } finally {
    await server.ask('close').catch(() => undefined);
    await Promise.all([server.stop(), sink.stop()]);
  }
}

interface Figures {
  readonly ms: number;
  readonly cpu: number;
  readonly database: Asked;
}
