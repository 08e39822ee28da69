import { select } from 'rowcast/client';
import { Fed } from '../load/fed.ts';
import { answer } from '../process.ts';

const fed = new Fed();
let handle: Awaited<ReturnType<Fed['fill']>>;
let told = 0;

/** Who looks after each commit: nobody, somebody at all rows, somebody at the first fifty in an order. */
type Looking = 'nobody' | 'rows' | 'select';

answer({
  async fill({ rows }: { rows: number }) {
    handle = await fed.fill(rows);
    handle.on('current', () => told++);
  },
  /** Gives the µs for each change, and how often somebody is told of one commit. */
  apply({ commits, each, looking }: { commits: number; each: number; looking: Looking }) {
    const frames = fed.commits(commits, each);
    const selection = looking === 'select' ? select(handle, { orderBy: ['-value', 'name'], limit: 50 }) : undefined;
    let rows = 0;
    const off = looking === 'rows' ? handle.on('current', () => (rows += handle.rows.length)) : undefined;
    told = 0;
    const begin = performance.now();
    fed.hear(frames);
    const us = ((performance.now() - begin) * 1_000) / (commits * each);
    off?.();
    selection?.close();
    if (looking === 'rows' && rows === 0) throw new Error('nobody was told');
    return { us, told: told / commits };
  },
  /** The least that could be done with them. */
  floor({ commits, each }: { commits: number; each: number }) {
    const frames = fed.commits(commits, each);
    const rows = new Map<unknown, unknown>();
    const begin = performance.now();
    for (const frame of frames) for (const [, , pk, data] of (JSON.parse(frame) as { changes: unknown[][] }).changes) rows.set(pk, data);
    return ((performance.now() - begin) * 1_000) / (commits * each);
  },
});
