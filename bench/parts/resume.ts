import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

// Rooms of rows, one view a room. What happens goes round them, one row a commit.

interface Row {
  readonly id: number;
  readonly room: number;
  readonly value: number;
  readonly body: string;
}

const hot = sqliteTable('hot', { id: integer().primaryKey(), room: integer(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), {
  fields: ['id', 'value', 'body'],
  groupNames: groupBy('room'),
  canSubscribe: () => true,
});
const live = await rowcast({ source: memory(), bindings: { hot: binding } });
const { listen, empty } = serving(live, []);
const rows: Row[] = [];

answer({
  listen,
  empty,
  async fill({ rooms, each, bytes }: { rooms: number; each: number; bytes: number }) {
    for (let id = 0; id < rooms * each; id++) rows.push({ id, room: id % rooms, value: 0, body: 'b'.repeat(bytes) });
    await live.publish(
      binding,
      rows.map((after) => ({ before: null, after })),
    );
    await live.settled();
  },
  /** So many commits, each of one row. */
  async change({ changes }: { changes: number }) {
    for (let n = 0; n < changes; n++) {
      const before = rows[n % rows.length] as Row;
      const after = { ...before, value: before.value + 1 };
      rows[n % rows.length] = after;
      void live.publish(binding, [{ before, after }]);
      if (n % 500 === 499) await live.settled();
    }
    await live.settled();
  },
});
