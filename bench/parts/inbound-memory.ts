import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, consumer, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { answer } from '../process.ts';
import { BODY, LIMITS, ROWS, WRITTEN } from './inbound.ts';
import { served } from './serving.ts';

// No database: what it costs to be asked, to judge, to remember, to log and to answer; and to take a message.

const table = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const hot = bindingFor()(drizzle(table), WRITTEN);
let heard = 0;
let wanted = Infinity;
let done = (): void => undefined;
const chat = consumer({
  receive: () => {
    if (++heard >= wanted) done();
  },
});
const live = await rowcast({ source: memory(), bindings: { hot } });
await live.publish(
  hot,
  Array.from({ length: ROWS }, (_row, n) => ({ before: null, after: { id: n + 1, value: 0, body: BODY } })),
);
live.endpoint('/', { consumers: { hot, chat }, limits: LIMITS });

answer({
  listen: served(live).listen,
  /** Resolves when so many messages have come since the last call. */
  async heard({ count }: { count: number }) {
    wanted = count;
    if (heard < count) await new Promise<void>((resolve) => (done = resolve));
    heard = 0;
    wanted = Infinity;
  },
});
