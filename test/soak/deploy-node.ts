import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, rowcast } from '../../src/main/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { redis } from '../../src/redis/index.ts';

// A node of an app that is deployed, as its supervisor starts it: `deploy-process.ts`. It is asked how it is, and told to go.

/** The statements that the app's tables are made by. */
export const TABLES = `
CREATE TABLE steady (id integer PRIMARY KEY, sent text NOT NULL);
CREATE TABLE shifting (id integer PRIMARY KEY, n integer NOT NULL, extra text NOT NULL, more text NOT NULL);
INSERT INTO shifting SELECT id, 0, 'extra', 'more' FROM generate_series(1, 3) AS id;
`;

const steady = pgTable('steady', { id: integer('id').primaryKey(), sent: text('sent').notNull() });
const shifting = pgTable('shifting', {
  id: integer('id').primaryKey(),
  n: integer('n').notNull(),
  extra: text('extra').notNull(),
  more: text('more').notNull(),
});

/** What each version of the app tells of `shifting`; of `steady` all tell the same. */
export const FIELDS = [['n'], ['n', 'extra'], ['n', 'extra', 'more']] as const;

export interface DeployOrders {
  readonly url: string;
  /** A Redis; null: each node reads the log for itself. */
  readonly redis: string | null;
  /** A place in {@link FIELDS}. */
  readonly version: number;
  /** Where it listens. */
  readonly host: string;
}

/** What it says once it listens, and whenever it is asked. */
export interface DeployReport {
  readonly port: number;
  readonly leads: boolean;
  readonly ready: boolean;
  readonly staleMs: number;
  readonly elsewhere: readonly string[];
  readonly sessions: number;
}

export type DeployOrder = 'report' | { readonly drainMs: number };

async function serve({ url, redis: address, version, host }: DeployOrders): Promise<void> {
  const binding = bindingFor<null>();
  const bindings = {
    steady: binding(drizzle(steady), { fields: ['sent'], groupNames: () => ['all'] }),
    shifting: binding(drizzle(shifting), { fields: [...(FIELDS[version] ?? [])], groupNames: () => ['all'] }),
  };
  const live = await rowcast({ source: postgres({ url, connections: 4 }), bindings, ...(address !== null && { broker: redis(address) }) });
  live.endpoint('/live/', { connectionGroups: () => ['all'] });
  const http = createServer();
  live.attach(http);
  http.listen(0, host);
  await once(http, 'listening');
  const report = (): void => {
    const { leads, ready, staleMs, elsewhere, sessions } = live.health();
    process.send?.({ port: (http.address() as AddressInfo).port, leads, ready, staleMs, elsewhere, sessions } satisfies DeployReport);
  };
  report();
  process.on('message', (order: DeployOrder) => {
    if (order === 'report') return report();
    void live
      .drain(order.drainMs)
      .then(() => live.close())
      .then(() => process.exit());
  });
  process.once('disconnect', () => process.exit());
}

if (process.argv[2] !== undefined && process.send) await serve(JSON.parse(process.argv[2]) as DeployOrders);
