import type { ClientBase, Pool, PoolClient } from 'pg';
import { RowcastError } from '../core/index.ts';
import { loadPg } from './driver.ts';
import { literal, paramText, PINNED, type RawRow, type Sessions, type Sql, type Transaction } from './sql.ts';

/** The app's own Drizzle over a client that Rowcast hands it: what hooks get their `tx` from. */
export type DrizzleOver<Client> = (client: Client) => {
  transaction<T>(run: (tx: unknown) => Promise<T>): Promise<T>;
};

export interface SessionOptions {
  /** Default: `(client) => drizzle({ client })` of `drizzle-orm/node-postgres`. Give one for a `schema`, a `logger` or `casing`. */
  readonly drizzle?: DrizzleOver<PoolClient>;
  /** Connections at most. Default: 10. */
  readonly connections?: number;
}

/**
 * Over the display settings: a try of a write waits half a second for a lock and lets go of its own, and sees what was committed before each
 * of its statements. Queries of the catalog look dear to the planner and are not: where the server can compile them, that takes seconds.
 */
const SESSION: Readonly<Record<string, string>> = {
  ...PINNED,
  lock_timeout: '500ms',
  default_transaction_isolation: 'read committed',
  jit: 'off',
};

const PIN = Object.entries(SESSION)
  .map(([name, value]) => `SET ${name} = ${literal(value)}`)
  .join('; ');

/** Connections to a Postgres server by `pg`. None is made before the first query. @throws {RowcastError} `driver_missing` without `pg`. */
export async function pgSessions(url: string, { drizzle, connections = 10 }: SessionOptions = {}): Promise<Sessions> {
  const { Pool } = await loadPg();
  const config = {
    connectionString: url,
    max: connections,
    application_name: 'rowcast',
    // Awaited before the connection is given to anybody; not by the connection's own options, which poolers drop.
    onConnect: async (client: ClientBase) => void (await client.query(PIN)),
  };
  const pool = new Pool(config);
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  return {
    query: sqlOver(pool).query,
    transaction: (run) => transaction(pool, drizzle, run),
    close: () => pool.end(),
  };
}

function sqlOver(client: Pool | PoolClient): Sql {
  return {
    async query(text, params = []) {
      const { rows } = await client.query<string[]>({ text, values: params.map(paramText), rowMode: 'array', types: RAW });
      return rows as readonly RawRow[];
    },
  };
}

const RAW = { getTypeParser: () => (text: string) => text } as never;

async function transaction<T>(pool: Pool, drizzle: DrizzleOver<PoolClient> | undefined, run: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: unknown;
  const onError = (error: unknown): void => void (broken ??= error);
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await run({
      ...sqlOver(client),
      app: async (hook) => (drizzle ?? (await loadDrizzle()))(insideOf(client)).transaction(async (tx) => hook(tx)),
    });
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onError);
    // Whatever came of it, the cause is the connection.
    throw broken === undefined ? error : Object.assign(new Error('the connection broke', { cause: error }), { code: '08006' });
  } finally {
    client.off('error', onError);
    client.release(broken !== undefined);
  }
}

/** The same client in a transaction that is open already: the outermost begin, commit and rollback are not its own to say. */
function insideOf(client: PoolClient): PoolClient {
  const query = (statement: string | { text: string }, ...rest: unknown[]): unknown => {
    const text = typeof statement === 'string' ? statement : statement.text;
    if (/^\s*(?:begin|commit|rollback)\s*;?\s*$/i.test(text)) return Promise.resolve({ rows: [], rowCount: null, fields: [], command: '' });
    return client.query(...([statement, ...rest] as Parameters<PoolClient['query']>));
  };
  return { query } as unknown as PoolClient;
}

async function loadDrizzle(): Promise<DrizzleOver<PoolClient>> {
  try {
    const { drizzle } = await import('drizzle-orm/node-postgres');
    return (client) => drizzle({ client });
  } catch (cause) {
    throw new RowcastError('driver_missing', 'a hook gets its `tx` from Drizzle: npm install drizzle-orm', { cause });
  }
}
