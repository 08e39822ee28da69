import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bindingFor, rowcast, type Broker, type Database } from '../../src/main/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { siblings } from '../../src/siblings/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';
import { models } from './databases.ts';

/** What a child of `fleet-processes.ts` is told to be. */
export interface Orders {
  readonly database: { readonly sqlite: string } | { readonly postgres: string };
  readonly broker: { readonly siblings: string };
}

/** What it says, once and then whenever it is asked. */
export interface Report {
  readonly port: number;
  readonly leads: boolean;
  readonly term: number | null;
  readonly staleMs: number;
}

const { database, broker }: Orders = JSON.parse(process.argv[2] ?? '') as Orders;
const source: Database = 'sqlite' in database ? sqlite(database.sqlite) : postgres(database.postgres);
const shared: Broker = siblings(broker.siblings);
const things = bindingFor<null>()(models.thing, { fields: ['name'], groupNames: () => ['all'] });
const live = await rowcast({ source, broker: shared, bindings: { things } });
live.endpoint('/', { connectionGroups: () => ['all'] });
const http = createServer();
live.attach(http);
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const report = (): void => {
  const { leads, term, staleMs } = live.health();
  process.send?.({ port: (http.address() as AddressInfo).port, leads, term, staleMs } satisfies Report);
};
report();
process.on('message', report);
process.once('disconnect', () => process.exit());
