import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { App } from '../apps/app.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import type { Scale } from '../scale.ts';

const MIB = 1_048_576;
const FIRST = 'rowcast, on a new database';
const WITHOUT = 'the same app without it';

/** An app on SQLite with one binding and one endpoint: how long until it serves, and what it takes then. */
export async function start({ passes }: Scale): Promise<readonly Result[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-bench-'));
  try {
    const known = join(folder, 'known.db');
    let made = 0;
    const serving: Record<string, number[]> = { rowcast: [], [FIRST]: [] };
    const rest: Record<string, number[]> = { rowcast: [], [WITHOUT]: [] };
    const once = (name: string, args: () => readonly string[]) => async () => {
      const app = new App('./minimal.mjs', args());
      try {
        const { ms, since } = await app.serving();
        serving[name]?.push(ms);
        rest[name]?.push((await app.rss()) / MIB);
        return since;
      } finally {
        await app.stop();
      }
    };
    const contenders = {
      rowcast: once('rowcast', () => [known]),
      [FIRST]: once(FIRST, () => [join(folder, `new-${made++}.db`)]),
      [WITHOUT]: once(WITHOUT, () => [known, '--without']),
      'node -e 0': nothing,
    };
    for (const run of Object.values(contenders)) await run(); // the disk's cache is warm
    for (const each of [...Object.values(serving), ...Object.values(rest)]) each.length = 0;
    const values = await interleaved(passes, contenders);
    const workload = 'an app on SQLite, one binding, one endpoint';
    return [
      compare(
        {
          workload,
          figure: 'ms from the import of Rowcast to serving',
          better: 'less',
          targets: [{ limit: 150 }, { limit: 150, of: FIRST }],
          headline: 'from import to serving on SQLite',
        },
        serving,
      ),
      compare({ workload, figure: 'ms from spawn to the first answered handshake', better: 'less' }, values),
      compare({ workload, figure: 'MiB of RSS at rest', better: 'less', targets: [{ limit: 80 }], headline: 'a server at rest' }, rest),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function nothing(): Promise<number> {
  const begin = performance.now();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return performance.now() - begin;
}
