import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

// One small row that everybody has, and one heavy row that few have: what is poured into it fills whatever lies between.

const hot = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const heavy = sqliteTable('heavy', { id: integer().primaryKey(), value: integer(), body: text() });
const bindings = {
  hot: bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['hot'] }),
  heavy: bindingFor()(drizzle(heavy), { fields: '__all__', groupNames: () => ['heavy'] }),
};
const live = await rowcast({ source: memory(), bindings });
// Stalled clients stay for as long as it is measured: else they are closed after 30 s.
const { listen, sockets } = serving(live, ['hot', 'heavy'], { stuckSeconds: 3_600 });
const rows = { hot: { id: 1, value: 0, body: '' }, heavy: { id: 1, value: 0, body: '' } };
let most = 0;

function waiting(): number {
  for (const socket of sockets) most = Math.max(most, socket.writableLength);
  return most;
}

answer({
  listen,
  /** A commit every so many ms. Gives when each was made. */
  async run({ table, commits, bytes, pause }: { table: 'hot' | 'heavy'; commits: number; bytes: number; pause: number }) {
    const at: number[] = [];
    for (let n = 0; n < commits; n++) {
      const before = rows[table];
      const after = { ...before, value: before.value + 1, body: 'b'.repeat(bytes) };
      rows[table] = after;
      at.push(machineMs());
      void live.publish(bindings[table], [{ before, after }]);
      await new Promise((resolve) => (pause > 0 ? setTimeout(resolve, pause) : setImmediate(resolve)));
      waiting();
    }
    return at;
  },
  /** The most bytes that waited in this process for any one socket. */
  waiting,
});
