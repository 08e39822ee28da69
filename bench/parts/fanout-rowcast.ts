import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { memory } from 'rowcast/memory';
import { answer } from '../process.ts';
import { serving } from './serving.ts';
import { written } from './turns.ts';

// All features on: groups, whitelist, positions, one commit per message, through source, route, ledger, window, gateway and session.

const hot = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text(), hidden: text() });
const binding = bindingFor()(drizzle(hot), { fields: ['id', 'value', 'body'], groupNames: () => ['hot'] });
const live = await rowcast({ source: memory(), bindings: { hot: binding } });
let last = { id: 1, value: 0, body: '', hidden: 'x' };

const { listen, sockets } = serving(live, ['hot']);

answer({
  listen,
  /** `ticks` turns of the event loop with `each` commits in every one. Gives the messages to sockets that they are. */
  async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
    for (let tick = 0; tick < ticks; tick++) {
      for (let n = 0; n < each; n++) {
        const after = { ...last, value: last.value + 1, body: 'b'.repeat(bytes) };
        void live.publish(binding, [{ before: last, after }]);
        last = after;
      }
      await written(sockets.size);
    }
    return ticks * each * sockets.size;
  },
});
