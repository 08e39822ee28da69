import { sql as raw } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { drizzle as drizzle1 } from 'drizzle-orm-1/node-postgres';
import pg from 'pg';
import type { Database, Row } from '../../src/core/index.ts';
import { postgres, type PostgresOptions } from '../../src/postgres/index.ts';
import type { AppTransaction, Connection, DatabaseFixture, Skip, World } from '../../src/testing/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';

/** What a server is told so that slots outlive a process. */
export const CAPPED: Readonly<Record<string, string>> = { max_slot_wal_keep_size: '1GB' };

/** The body under test: a real server's log. Each database that is open at one time reads by a slot of its own, as each process does. */
export function logFixture(name: string, server: () => PostgresServer, skip: readonly Skip[] = []): DatabaseFixture {
  return {
    name,
    dialect: 'postgres',
    skip,
    fresh: () => freshWorld(server()),
    // Drizzle runs a statement once it is awaited.
    inHook: (tx, statement) => executed(tx)(statement),
  };
}

function executed(tx: unknown): (statement: string) => Promise<void> {
  return async (statement) => void (await (tx as { execute(query: unknown): Promise<unknown> }).execute(raw.raw(statement)));
}

/** The ways of an app of `pg`: a client that says BEGIN, and Drizzle over one and over a pool. */
export function transactionsOf(url: string): Readonly<Record<string, AppTransaction>> {
  const over =
    (way: (client: pg.Client, work: Parameters<AppTransaction>[0]) => Promise<unknown>): AppTransaction =>
    async (work) => {
      const client = new pg.Client(url);
      await client.connect();
      try {
        await way(client, work);
      } finally {
        await client.end();
      }
    };
  return {
    'a client of pg': over(async (client, work) => {
      await client.query('BEGIN');
      try {
        await work(client, (statement) => client.query(statement));
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    }),
    'Drizzle 0.45': over((client, work) => drizzle({ client }).transaction(async (tx) => work(tx, executed(tx)))),
    'Drizzle 1.0': over((client, work) => drizzle1({ client }).transaction(async (tx) => work(tx, executed(tx)))),
    async 'Drizzle over a pool'(work) {
      const client = new pg.Pool({ connectionString: url, max: 2 });
      client.on('error', () => undefined); // its end does not wait for the connections: the database is dropped under them
      try {
        await drizzle({ client }).transaction(async (tx) => tx.transaction(async (inner) => work(inner, executed(tx))));
      } finally {
        await client.end();
      }
    },
  };
}

export interface PostgresWorld extends World {
  readonly url: string;
  readonly app: AppConnection;
  other(): Promise<AppConnection>;
}

export interface AppConnection extends Connection {
  readonly pid: number;
}

let worlds = 0;

export async function freshWorld(server: PostgresServer, options: Partial<PostgresOptions> = {}): Promise<PostgresWorld> {
  const number = ++worlds;
  const url = await server.createDatabase(`world_${process.pid}_${number}`);
  const app = await connect(url);
  const others: Connection[] = [];
  const held = new Set<string>();
  return {
    url,
    app,
    database: () => oneOf(held, (slot) => postgres({ url, slot: `world_${number}_${slot}`, connections: 3, ...options })),
    transactions: transactionsOf(url),
    async other() {
      const other = await connect(url);
      others.push(other);
      return other;
    },
    async close() {
      await Promise.all([app, ...others].map((each) => each.close()));
      await dropDatabase(server.url, new URL(url).pathname.slice(1));
    },
  };
}

/** The first slot that no other open database has: a restart finds its own again, a second process gets another. */
function oneOf(held: Set<string>, make: (slot: string) => Database): Database {
  const slot = ['a', 'b', 'c'].find((name) => !held.has(name)) ?? 'd';
  const database = make(slot);
  return {
    ...database,
    async open(bound, options) {
      held.add(slot);
      const open = await database.open(bound, options);
      return {
        ...open,
        async close() {
          held.delete(slot);
          await open.close();
        },
      };
    },
  };
}

export async function connect(url: string): Promise<AppConnection> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  const [{ pid }] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];
  let closed: Promise<void> | null = null;
  return {
    pid,
    run: async (statement) => void (await client.query(statement)),
    all: async (query) => (await client.query<Row>(query)).rows,
    close: () => (closed ??= client.end()),
  };
}

async function dropDatabase(url: string, name: string): Promise<void> {
  const admin = await connect(url);
  try {
    await admin.run(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${name}' AND active_pid IS NULL`,
    );
    await admin.run(`DROP DATABASE "${name}" WITH (FORCE)`);
  } finally {
    await admin.close();
  }
}
