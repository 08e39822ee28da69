import { bigint, integer, pgTable, text } from 'drizzle-orm/pg-core';
import { bindingFor, groupBy, rowcast, type Live } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { answer } from '../process.ts';
import { Reading } from './captured.ts';
import { shared, type Holders } from './holders.ts';
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
  async listen({ url, slot, ...holders }: { url: string; slot: string } & Holders) {
    live = await rowcast({ source: postgres({ url, slot }), bindings: { grouped: binding } });
    shared(live, binding, holders);
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
