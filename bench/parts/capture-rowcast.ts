import { bigint, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { bindingFor, boundOf, systemClock, type OpenDatabase } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { answer } from '../process.ts';
import { Counting } from './captured.ts';

const hot = pgTable('hot', {
  id: integer().primaryKey(),
  value: bigint({ mode: 'bigint' }),
  name: text(),
  body: text(),
  at: timestamp({ withTimezone: true }),
});
const silent = { info: () => undefined, warn: () => undefined, error: console.error };
const counting = new Counting();
const stop = new AbortController();
let database: OpenDatabase;
let following: Promise<void>;

/** Whole rows, before and after, as the relay gets them. */
async function follow(): Promise<void> {
  for await (const commits of database.source.read(await database.source.tail(), stop.signal)) {
    for (const { changes, lost, position } of commits) {
      if (lost.length > 0) throw new Error(`lost: ${lost[0]?.reason}`);
      for (const { before, after } of changes) {
        if (before?.[2] !== after?.[2]) throw new Error('another row than was written');
      }
      database.source.acknowledge(position);
      counting.came(changes.length);
    }
  }
}

answer({
  async prepare({ url, slot }: { url: string; slot: string }) {
    const bound = boundOf({ hot: bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['all'] }) });
    database = await postgres({ url, slot }).open(bound, { setup: 'auto', clock: systemClock, log: silent });
    following = follow();
  },
  expect: ({ rows }: { rows: number }) => counting.expect(rows),
  done: () => Promise.race([counting.done, following]),
  async close() {
    stop.abort();
    await following;
    await database.close();
  },
});
