import { styleText } from 'node:util';
import { RowcastError } from '../core/index.ts';
import { systemClock, watch, type RowcastOptions, type Watched, type WatchedRow } from '../main/index.ts';
import { quiet } from './output.ts';

export interface TailFlags {
  readonly json: boolean;
  /** Streams to show; none: all. */
  readonly only: readonly string[];
  /** Commits after which it ends; null: it goes on until it is interrupted. */
  readonly count: number | null;
}

const COLOURS = { create: 'green', update: 'yellow', delete: 'red' } as const;

/** Prints each commit as it comes, and who gets what of it: read beside the app, by a follower of its own that ends with it. */
export async function tail({ source, bindings }: RowcastOptions, { json, only, count }: TailFlags): Promise<void> {
  for (const name of only)
    if (!(name in bindings))
      throw new RowcastError('binding_invalid', `"${name}" is no stream; there are ${Object.keys(bindings).join(', ')}`);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  process.stdout.once('error', end); // who read it has gone: `rowcast tail | head`
  const ready = (): void => console.error(`${source.name}: what is committed from here on`);
  // Nothing else of this process waits for what is to come.
  const hold = setInterval(() => undefined, 2 ** 30);
  try {
    let left = count ?? Infinity;
    for await (const commit of watch({ source, bindings }, { clock: systemClock, log: quiet }, { signal: stop.signal, ready })) {
      const shown = shownOf(commit, only);
      if (!shown) continue;
      if (json) console.log(JSON.stringify(shown));
      else print(shown);
      if (--left <= 0) return;
    }
  } finally {
    clearInterval(hold);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

/** Null: nothing of it is to be shown. */
function shownOf(commit: Watched, only: readonly string[]): Watched | null {
  const wanted = (stream: string): boolean => only.length === 0 || only.includes(stream);
  const rows = commit.rows.filter(({ stream }) => wanted(stream));
  const resets = commit.resets.filter(({ stream }) => wanted(stream));
  const members = only.length === 0 ? commit.members : [];
  return rows.length + resets.length + members.length === 0 ? null : { ...commit, rows, resets, members };
}

function print({ position, time, rows, resets, members, receipts }: Watched): void {
  const about = [...(time === null ? [] : [new Date(time).toISOString()]), ...(receipts > 0 ? ['written by a client'] : [])];
  console.log(`${styleText('bold', position)} ${styleText('dim', about.join(', '))}`.trimEnd());
  for (const row of rows) printRow(row);
  for (const { stream, reason } of resets) console.log(`  ${styleText('red', 'reset')} ${stream}: its viewers read again (${reason})`);
  for (const { user, before, after } of members) {
    const [what, grant] = after ? [before ? 'changes' : 'joins', after] : ['leaves', before];
    console.log(`  ${styleText('cyan', what)} user ${user}: ${JSON.stringify(grant?.match)}${grant?.role ? ` as ${grant.role}` : ''}`);
  }
}

function printRow({ stream, key, groups, fields }: WatchedRow): void {
  console.log(`  ${stream} ${JSON.stringify(key)} ${styleText('dim', JSON.stringify(fields))}`);
  for (const { group, action } of groups) console.log(`    ${styleText(COLOURS[action], action)} for ${group}`);
}
