import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { build } from 'esbuild';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { answer } from '../process.ts';

// What pages look at: many rows in room 0, one in each other room; and the page itself.

const tick = sqliteTable('tick', {
  id: integer().primaryKey(),
  room: integer().notNull(),
  name: text().notNull(),
  value: integer().notNull(),
});
const ticks = bindingFor()(drizzle(tick), { fields: '__all__', groupNames: groupBy('room'), canSubscribe: () => true });
const live = await rowcast({ source: memory(), bindings: { ticks } });
live.endpoint('/binding/', { limits: { framesPerSecond: 100_000 } }); // else two frames a round are 40 ms of waiting

const HTML =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Ticks</title><script type="module" src="/page.js"></script>';
const bundled = await build({
  entryPoints: [fileURLToPath(new URL('../load/page.ts', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'esm',
  define: { 'process.env.NODE_ENV': '"production"' },
  write: false,
});
const http = createServer(({ url }, response) => {
  const script = url === '/page.js';
  response.setHeader('content-type', script ? 'text/javascript' : 'text/html').end(script ? bundled.outputFiles[0]?.text : HTML);
});
live.attach(http);

const rows: (typeof tick.$inferSelect)[] = [];
const ROOMS = 100;
let last = 0;

answer({
  listen: () => new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
  async fill({ count }: { count: number }) {
    for (let id = 0; id < count; id++) rows.push({ id, room: 0, name: `the row of number ${id}`, value: 0 });
    const rooms = Array.from({ length: ROOMS }, (_, room) => ({ id: -1 - room, room: room + 1, name: 'alone', value: 0 }));
    await live.publish(
      ticks,
      [...rows, ...rooms].map((after) => ({ before: null, after })),
    );
  },
  /** So many commits of one change each, evenly over so many seconds. Gives how many there were. */
  async run({ rate, seconds }: { rate: number; seconds: number }) {
    const begin = performance.now();
    let made = 0;
    for (let passed = 0; passed < seconds * 1_000; passed = performance.now() - begin) {
      for (; made < (passed * rate) / 1_000; made++) {
        const at = (++last * 7_919) % rows.length;
        const before = rows[at] as (typeof rows)[number];
        const after = (rows[at] = { ...before, value: before.value + 1 });
        void live.publish(ticks, [{ before, after }]);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return made;
  },
});
