import { compare, interleaved, type Result } from '../measure.ts';
import { Part, type Cpu } from '../process.ts';
import type { Scale } from '../scale.ts';

const DATABASES = ['sqlite', 'postgres'];
/** By the rooms that clients are spread over. */
const VIEWS = { 'each a view of its own': 1_000, 'all the same view': 1 };
const EACH = 100;

/** Connected clients that all ask at once for the rows of a view: the time until the last of them is ready. */
export async function firstRows({ passes, sockets, apart }: Scale): Promise<readonly Result[]> {
  const parts: { readonly server: Part; readonly sink: Part }[] = [];
  const cpu: Record<string, number[]> = {};
  const runs: Record<string, () => Promise<number>> = {};
  try {
    for (const database of DATABASES) {
      const server = new Part(`first-rows-${database}`);
      const sink = new Part('sink');
      parts.push({ server, sink });
      const port = await server.ask<number>('listen');
      await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets });
      for (const [views, rooms] of Object.entries(VIEWS)) {
        const name = `${database}, ${views}`;
        cpu[name] = [];
        let last = 0;
        runs[name] = async () => {
          await sink.ask('leave');
          await server.ask('empty');
          await sink.ask('enter', { count: sockets, abreast: 100, asking: 'nothing' });
          await new Promise((resolve) => setTimeout(resolve, Math.max(0, last + apart - Date.now())));
          const before = await server.ask<Cpu>('cpu');
          const ms = await sink.ask<number>('ask', { asked: [{ stream: 'post', by: { column: 'room', of: rooms } }] });
          cpu[name]?.push(((await server.ask<Cpu>('cpu')).us - before.us) / (sockets * EACH));
          last = Date.now();
          return ms;
        };
      }
    }
    for (const run of Object.values(runs)) await run(); // warm
    for (const each of Object.values(cpu)) each.length = 0;
    const values = await interleaved(passes, runs);
    const workload = `first rows: ${sockets} clients, ${EACH} rows each`;
    return [
      compare(
        { workload, figure: 'ms until all are ready', better: 'less', targets: Object.keys(runs).map((of) => ({ limit: 2_500, of })) },
        values,
      ),
      compare({ workload, figure: 'µs of the server’s CPU per row', better: 'less' }, cpu),
    ].map((result) => ({ ...result, ratios: {} }));
  } finally {
    for (const { server, sink } of parts) {
      await server.ask('close').catch(() => undefined);
      await Promise.all([server.stop(), sink.stop()]);
    }
  }
}
