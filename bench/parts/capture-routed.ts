import { bigint, integer, pgTable, text } from 'drizzle-orm/pg-core';
import { bindingFor, groupBy, rowcast, type Live } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { answer } from '../process.ts';
import { Reading } from './captured.ts';
import { served } from './serving.ts';

// All features on: source, route, ledger, window, gateway and sessions, many groups with one of few connections each.

const grouped = pgTable('grouped', {
  id: integer().primaryKey(),
  team: integer(),
  value: bigint({ mode: 'bigint' }),
  name: text(),
  body: text(),
});
const binding = bindingFor()(drizzle(grouped), { fields: '__all__', groupNames: groupBy('team') });
let live: Live;
const reading = new Reading();

answer({
  /** Each connection that comes holds its share of the groups. */
  async listen({ url, slot, groups, sockets }: { url: string; slot: string; groups: number; sockets: number }) {
    live = await rowcast({ source: postgres({ url, slot }), bindings: { grouped: binding } });
    const all = Array.from({ length: groups }, (_, team) => binding.group({ team }));
    let came = 0;
    live.endpoint('/', {
      connectionGroups: () => {
        const mine = came++;
        return all.filter((_, team) => team % sockets === mine);
      },
    });
    return served(live).listen();
  },
  expect: () => reading.expect(),
  /** Until everything has gone out to every connection. */
  async done() {
    await live.settled();
    return reading.over();
  },
  close: () => live.close(),
});
