import { compare, counted, type Result } from '../measure.ts';
import { Part, type Memory } from '../process.ts';
import type { Scale } from '../scale.ts';

const KIB = 1_024;
const MIB = KIB * KIB;
const ROOMS = 100;

/** Who has come before anything is measured: the code is warm then. */
const WARM = 200;

/** Views that one connection of the groups' workload asks for: as many as it may. */
const VIEWS = 100;

/** Groups that one connection is put into. */
const PUT = 1_000;

/** What takes many seconds and comes out the same each time, to a hundredth, is measured in so many passes. */
const STEADY = 1;

/** More commits than the window keeps, by default. */
const WINDOW = { 'rows of 60 bytes, 100,000 commits': 60, 'rows of 1 KiB, 64 MiB by its own count': 1_024 };

/** What connections, groups and the window take that wait for something to happen. A process of its own for each pass. */
export async function memory({ passes, idle, groups, kept, apart }: Scale): Promise<readonly Result[]> {
  const rss = lists(['rowcast', 'rowcast, nothing asked for', 'ws']);
  const heap = lists(['rowcast', 'rowcast, nothing asked for', 'ws']);
  const live = lists(['rowcast', 'groups it is put into']);
  const windows = lists(Object.keys(WINDOW));
  for await (const pass of counted(passes)) {
    for (const [name, each] of Object.entries(await connections(idle))) {
      rss[name]?.push(each.rss / idle / KIB);
      heap[name]?.push(each.used / idle / KIB);
    }
    if (pass >= STEADY) continue;
    for (const [name, all] of Object.entries(await rooms(groups, apart))) live[name]?.push(all.rss / MIB);
    for (const [name, bytes] of Object.entries(WINDOW)) windows[name]?.push((await full(kept, bytes)) / MIB);
  }
  const connection = `an idle connection with 3 subscriptions, of ${idle}`;
  return [
    compare(
      {
        workload: connection,
        figure: 'KiB of RSS',
        better: 'less',
        targets: [{ limit: 12 }],
        headline: 'an idle connection, 3 subscriptions',
      },
      rss,
    ),
    compare({ workload: connection, figure: 'KiB of heap and buffers', better: 'less' }, heap),
    {
      ...compare(
        {
          workload: `${groups} groups, one member each`,
          figure: 'MiB of RSS beyond that of the connections',
          better: 'less',
          targets: [{ limit: 30 }, { limit: 30, of: 'groups it is put into' }],
        },
        live,
      ),
      ratios: {},
    },
    {
      ...compare(
        { workload: 'the window, full (default bounds)', figure: 'MiB of heap and buffers, ledger and log included', better: 'less' },
        windows,
      ),
      ratios: {},
    },
  ];
}

/** The same connections twice: before they ask for anything, and when they have what they asked for. */
async function connections(sockets: number): Promise<Record<string, Memory>> {
  const asked = wishes(3, ROOMS, 1);
  const [rowcast, ws] = [
    await among('idle', async (server, sink, at) => {
      const first = new Part('sink');
      await first.ask('open', { ...at, sockets: WARM, asked });
      const before = await server.ask<Memory>('memory');
      await sink.ask('open', { ...at, sockets });
      const there = await server.ask<Memory>('memory');
      await sink.ask('ask', { asked });
      return { 'rowcast, nothing asked for': less(there, before), rowcast: less(await server.ask<Memory>('memory'), before) };
    }),
    await among('idle-ws', async (server, sink, at) => {
      await sink.ask('open', { ...at, protocol: '', sockets: WARM });
      const before = await server.ask<Memory>('memory');
      await sink.ask('more', { sockets });
      return { ws: less(await server.ask<Memory>('memory'), before) };
    }),
  ];
  return { ...rowcast, ...ws };
}

/** Groups that a client asks for, a view each; and groups that the server puts a connection into, all in one view. */
async function rooms(groups: number, apart: number): Promise<Record<string, Memory>> {
  return {
    rowcast: await among('idle', async (server, sink, at) => {
      const sockets = groups / VIEWS;
      await sink.ask('open', { ...at, sockets });
      await sink.ask('ask', { asked: wishes(3, sockets, sockets) });
      const before = await server.ask<Memory>('memory');
      await sink.ask('ask', { asked: wishes(VIEWS, groups, sockets) });
      await new Promise((resolve) => setTimeout(resolve, apart)); // what was read is kept for others for a moment
      return less(await server.ask<Memory>('memory'), before);
    }),
    'groups it is put into': await among('idle', async (server, sink, at) => {
      const sockets = groups / PUT;
      await sink.ask('open', { ...at, sockets, asked: [{ stream: 'hot' }] });
      const before = await server.ask<Memory>('memory');
      await server.ask('put', { each: PUT });
      await sink.ask('more', { sockets });
      await new Promise((resolve) => setTimeout(resolve, apart));
      return less(await server.ask<Memory>('memory'), before);
    }),
  };
}

async function full(changes: number, bytes: number): Promise<number> {
  const server = new Part('resume');
  try {
    await server.ask('fill', { rooms: ROOMS, each: 10, bytes });
    const before = await server.ask<Memory>('memory');
    await server.ask('change', { changes });
    return (await server.ask<Memory>('memory')).used - before.used;
  } finally {
    await server.stop();
  }
}

async function among<T>(part: string, measured: (server: Part, sink: Part, at: object) => Promise<T>): Promise<T> {
  const server = new Part(part);
  const sink = new Part('sink');
  try {
    return await measured(server, sink, { port: await server.ask<number>('listen'), path: '/', protocol: 'rowcast.1' });
  } finally {
    await Promise.all([server.stop(), sink.stop()]);
  }
}

const lists = (names: readonly string[]): Record<string, number[]> => Object.fromEntries(names.map((name) => [name, []]));

const less = (after: Memory, before: Memory): Memory => ({ rss: after.rss - before.rss, used: after.used - before.used });

/** So many rooms for each client, of so many; the next room is so many further. */
const wishes = (count: number, of: number, step: number): readonly object[] =>
  Array.from({ length: count }, (_, at) => ({ stream: 'hot', by: { column: 'room', of, plus: at * step } }));
