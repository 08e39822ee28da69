import { bigint, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { bindingFor, boundOf, systemClock, type ChangeSource, type OpenDatabase } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { answer } from '../process.ts';

const hot = pgTable('hot', {
  id: integer().primaryKey(),
  value: bigint({ mode: 'bigint' }),
  name: text(),
  body: text(),
  at: timestamp({ withTimezone: true }),
});
const silent = { info: () => undefined, warn: () => undefined, error: console.error };
let database: OpenDatabase;
let position: string;

async function catchUp(source: ChangeSource, rows: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  for await (const commits of source.read(position, stop.signal)) {
    for (const commit of commits) {
      if (commit.lost.length > 0) throw new Error(`lost: ${commit.lost[0]?.reason}`);
      seen += commit.changes.length;
      position = commit.position;
    }
    source.acknowledge(position);
    if (seen >= rows) stop.abort();
  }
  if (seen !== rows) throw new Error(`${seen} rows, not ${rows}`);
}

answer({
  async prepare({ url }: { url: string }) {
    const bound = boundOf({ hot: bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['all'] }) });
    database = await postgres({ url, slot: 'bench_rowcast' }).open(bound, { setup: 'auto', clock: systemClock, log: silent });
    position = await database.source.tail();
  },
  async catchUp({ rows }: { rows: number }) {
    const cpu = process.cpuUsage();
    const begin = process.hrtime.bigint();
    await catchUp(database.source, rows);
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    return { rowsPerSecond: rows / seconds, usPerRow: (user + system) / rows };
  },
  close: () => database.close(),
});
