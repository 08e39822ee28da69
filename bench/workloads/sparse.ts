import type { Ways } from '../load/arrivals.ts';
import type { Layout } from '../load/rooms.ts';
import { compare, interleaved, spread, type Result } from '../measure.ts';
import type { Scale } from '../scale.ts';
import { contenders, cost, each, type Contender } from './contenders.ts';

const SERVERS = { rowcast: 'rooms-rowcast' };
const BYTES = 64;

/** Each client on rows of its own, so that a commit concerns one of them: what it costs must not depend on how many others there are. */
export async function sparse(scale: Scale): Promise<readonly Result[]> {
  const { sockets } = scale;
  const interest = await measured(scale, {
    what: 'clients, each on its own row',
    timed: true,
    layouts: [sockets * 10, sockets, sockets / 10].map((clients) => ({ kind: 'own', clients, each: 1 })),
  });
  const live = await measured(scale, {
    what: 'live groups, one touched',
    timed: false,
    layouts: [100, 1].map((held) => ({ kind: 'own', clients: sockets, each: held })),
  });
  return [...interest, ...live];
}

type Own = Extract<Layout, { kind: 'own' }>;

interface Sizes {
  readonly what: string;
  readonly timed: boolean;
  /** The largest first. */
  readonly layouts: readonly Own[];
}

/** The largest held against the smaller ones. */
async function measured({ passes, writes, commits, against }: Scale, { what, timed, layouts }: Sizes): Promise<readonly Result[]> {
  await using opened = new AsyncDisposableStack();
  const sizes: Record<string, Contender> = {};
  const others: Record<string, Contender> = {};
  for (const layout of layouts) {
    const { rowcast, ...other } = opened.use(
      await contenders({ servers: SERVERS, sockets: layout.clients, listen: { layout }, stream: 'items', numbered: 0, against }),
    );
    const size = nameOf(layout);
    sizes[size] = rowcast as Contender;
    for (const [name, contender] of Object.entries(other)) others[`${name}, ${size}`] = contender;
  }
  const all = { ...sizes, ...others };
  const run = { ticks: writes, each: 1, bytes: BYTES };
  const runs = each(all, (contender) => cost(contender, run).then(({ us }) => us / writes));
  for (const one of Object.values(runs)) await one(); // warm
  const [largest, smallest] = [layouts[0], layouts.at(-1)].map((layout) => nameOf(layout as Own));
  const workload = `fan-out: ${largest} ${what}`;
  const targets = [{ against: smallest as string, ratio: 1.2 }];
  const results = [compare({ workload, figure: 'µs CPU per commit', better: 'less', targets }, await interleaved(passes, runs))];
  if (!timed) return results;
  const ways = await interleaved(
    passes,
    each(all, async ({ server, sink }) => {
      await sink.ask('note', { commits, one: true });
      const sent = await server.ask<number[]>('paced', { commits, bytes: BYTES, pause: 4 });
      await sink.ask('total', { commits });
      return spread((await sink.ask<Ways>('ways', { sent })).firsts).median;
    }),
  );
  results.push(compare({ workload, figure: 'ms from commit to client, p50 of each pass', better: 'less', targets: [{ limit: 2 }] }, ways));
  return results;
}

/** Not a mere number: an object would put those first that are small. */
const nameOf = ({ clients, each: held }: Own): string => `${clients} × ${held}`;
