import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { startPostgres } from '../../test/servers/postgres.ts';
import { compare, interleaved, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

const CONSUMERS = { rowcast: 'capture-rowcast', 'pg-logical-replication': 'capture-reference' };
const PER_COMMIT = 1_000;

export interface Captured {
  readonly rowsPerSecond: number;
  readonly usPerRow: number;
}

/** A backlog of committed updates, read from a slot and decoded: both images of every row. Rows per second, and the reader's CPU. */
export async function capture({ passes, rows }: Scale): Promise<readonly Result[]> {
  await installReferences();
  await using server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '4GB' } });
  const app = new pg.Client(server.url);
  await app.connect();
  await app.query('CREATE TABLE hot(id int PRIMARY KEY, value bigint, name text, body text, at timestamptz default now())');
  await app.query("INSERT INTO hot SELECT n, 0, 'name ' || n, repeat('body ', 12) FROM generate_series(1, $1::int) n", [PER_COMMIT]);
  const parts: Record<string, Part> = {};
  try {
    for (const [name, part] of Object.entries(CONSUMERS)) {
      parts[name] = new Part(part);
      await parts[name].ask('prepare', { url: server.url });
    }
    const cpu: Record<string, number[]> = Object.fromEntries(Object.keys(CONSUMERS).map((name) => [name, []]));
    const write = async (): Promise<void> => {
      for (let done = 0; done < rows; done += PER_COMMIT) await app.query('UPDATE hot SET value = value + 1');
    };
    const run = (name: string) => async (): Promise<number> => {
      await write();
      const { rowsPerSecond, usPerRow } = await (parts[name] as Part).ask<Captured>('catchUp', { rows: await behind(name) });
      cpu[name]?.push(usPerRow);
      return rowsPerSecond;
    };
    // Every slot sees every write: each reads all that was written since its own last turn.
    let written = 0;
    const read: Record<string, number> = {};
    const behind = (name: string): Promise<number> => {
      written += rows;
      const rest = written - (read[name] ?? 0);
      read[name] = written;
      return Promise.resolve(rest);
    };
    for (const name of Object.keys(CONSUMERS)) await run(name)();
    for (const each of Object.values(cpu)) each.length = 0;
    const values = await interleaved(passes, Object.fromEntries(Object.keys(CONSUMERS).map((name) => [name, run(name)])));
    const workload = `pgoutput: backlog of updates, ${PER_COMMIT} rows a commit`;
    return [
      compare({ workload, figure: 'rows per second', better: 'more', targets: [{ limit: 180_000 }] }, values),
      compare(
        {
          workload,
          figure: 'µs of the reader’s CPU per row',
          better: 'less',
          targets: [{ against: 'pg-logical-replication', ratio: 0.3 }],
        },
        cpu,
      ),
    ];
  } finally {
    for (const part of Object.values(parts)) {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
    await app.end();
  }
}

/** What is compared with is no dependency of the package: installed here, when it is needed. */
async function installReferences(): Promise<void> {
  const folder = fileURLToPath(new URL('../references/', import.meta.url));
  if (existsSync(`${folder}node_modules/pg-logical-replication`)) return;
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder });
}
