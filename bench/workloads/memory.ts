import { compare, type Result } from '../measure.ts';
import { Part, type Memory } from '../process.ts';
import type { Scale } from '../scale.ts';

const KIB = 1_024;
const MIB = KIB * KIB;
const ROOMS = 100;

/** More commits than the window keeps, by default. */
const WINDOW = { 'rows of 60 bytes, 100,000 commits': 60, 'rows of 1 KiB, 64 MiB by its own count': 1_024 };

/** What an idle connection takes, and what the window takes when it is full. A process of its own for each pass. */
export async function memory({ passes, sockets, kept, apart }: Scale): Promise<readonly Result[]> {
  const rss: Record<string, number[]> = { 'no subscription': [], '3 subscriptions': [] };
  const heap: Record<string, number[]> = { 'no subscription': [], '3 subscriptions': [] };
  const windows: Record<string, number[]> = Object.fromEntries(Object.keys(WINDOW).map((name) => [name, []]));
  for (let pass = 0; pass < passes; pass++) {
    const asked = [0, 1, 2].map((plus) => ({ stream: 'hot', by: { column: 'room', of: ROOMS, plus } }));
    for (const [name, views] of Object.entries({ 'no subscription': [], '3 subscriptions': asked })) {
      const each = await sessions({ sockets, apart }, views);
      rss[name]?.push(each.rss);
      heap[name]?.push(each.used);
    }
    for (const [name, bytes] of Object.entries(WINDOW)) windows[name]?.push(await full(kept, bytes));
    process.stderr.write('.');
  }
  process.stderr.write('\n');
  const idle = `an idle connection, of ${sockets}`;
  return [
    compare({ workload: idle, figure: 'KiB of RSS', better: 'less', targets: [{ limit: 12, of: '3 subscriptions' }] }, rss),
    compare({ workload: idle, figure: 'KiB of heap and buffers', better: 'less' }, heap),
    compare(
      { workload: 'the window, full (default bounds)', figure: 'MiB of heap and buffers, ledger and log included', better: 'less' },
      windows,
    ),
  ].map((result) => ({ ...result, ratios: {} }));
}

async function sessions({ sockets, apart }: Pick<Scale, 'sockets' | 'apart'>, asked: readonly object[]): Promise<Memory> {
  const server = new Part('resume');
  const sink = new Part('sink');
  try {
    const port = await server.ask<number>('listen');
    await server.ask('fill', { rooms: ROOMS, each: 1, bytes: 60 });
    await sink.ask('open', { port, path: '/', protocol: 'rowcast.1', sockets: ROOMS, asked }); // warm
    const before = await server.ask<Memory>('memory');
    await sink.ask('more', { sockets });
    await new Promise((resolve) => setTimeout(resolve, apart)); // what was read is kept for others for a moment
    const after = await server.ask<Memory>('memory');
    return { rss: (after.rss - before.rss) / sockets / KIB, used: (after.used - before.used) / sockets / KIB };
  } finally {
    await Promise.all([server.stop(), sink.stop()]);
  }
}

async function full(changes: number, bytes: number): Promise<number> {
  const server = new Part('resume');
  try {
    await server.ask('fill', { rooms: ROOMS, each: 10, bytes });
    const before = await server.ask<Memory>('memory');
    await server.ask('change', { changes });
    return ((await server.ask<Memory>('memory')).used - before.used) / MIB;
  } finally {
    await server.stop();
  }
}
