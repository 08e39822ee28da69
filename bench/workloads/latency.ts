import type { Ways } from '../load/arrivals.ts';
import { compare, counted, interleaved, spread, type Result } from '../measure.ts';
import type { Committed } from '../parts/latency.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

/** By database, to the first socket. The writer is another connection: SQLite's file is looked at every 5 ms, Postgres' log is told. */
const FIRST = { sqlite: 5, postgres: 1 }; // ms

/**
 * From a commit's acknowledgement to the app, to its arrival at the first and at the last of many clients; and what the app itself waits for that
 * acknowledgement, beside a server that nobody listens to. Paced: one commit at a time.
 */
export async function latency({ passes, sockets, commits }: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [database, limit] of Object.entries(FIRST)) {
    const server = new Part(`latency-${database}`);
    const unheard = new Part(`latency-${database}`);
    const app = new Part('latency-writer');
    const sink = new Part('sink');
    try {
      const port = await server.ask<number>('listen');
      await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets, asked: [{ stream: 'hot' }] });
      await app.ask(database, { at: await server.ask<string>('at') });
      await measure({ app, sink, commits: 10 }); // warm
      const first: number[] = [];
      const last: number[] = [];
      for await (const _pass of counted(passes)) {
        const ways = await measure({ app, sink, commits });
        first.push(spread(ways.firsts).median);
        last.push(spread(ways.lasts).median);
      }
      const figure = 'ms from commit, p50 of each pass';
      results.push(
        compare({ workload: `${database}: to the first of ${sockets}`, figure, better: 'less', targets: [{ limit }] }, { rowcast: first }),
        compare(
          { workload: `${database}: to the last of ${sockets}`, figure, better: 'less', targets: [{ limit: 12 }] },
          { rowcast: last },
        ),
      );
      const quick = { commits: Math.ceil(commits / 4), every: 50 };
      const waits = (to: Part) => async (): Promise<number> => spread((await to.ask<Committed>('commit', quick)).took).median;
      await waits(unheard)(); // warm
      results.push(
        compare(
          {
            workload: `${database}: what the app waits for a commit, 20 a second, ${sockets} subscribers`,
            figure: 'ms, p50 of each pass',
            better: 'less',
            targets: [{ against: 'no subscriber', ratio: 1.1 }],
          },
          await interleaved(passes, { rowcast: waits(server), 'no subscriber': waits(unheard) }),
        ),
      );
    } finally {
      for (const part of [app, server, unheard]) await part.ask('close').catch(() => undefined);
      await Promise.all([app, server, unheard, sink].map((part) => part.stop()));
    }
  }
  return results;
}

async function measure({ app, sink, commits }: { app: Part; sink: Part; commits: number }): Promise<Ways> {
  await sink.ask('note', { commits });
  const done = sink.ask('frames', { each: commits });
  const { at: sent } = await app.ask<Committed>('commit', { commits });
  await done;
  return sink.ask<Ways>('ways', { sent });
}
