import type { Duplex } from 'node:stream';
import type { ClientBase, Pool, PoolClient } from 'pg';
import { RowcastError } from '../../core/index.ts';
import { loadPg } from './driver.ts';
import { Lease } from './lease.ts';
import {
  CommitUnknown,
  literal,
  LOCK_TIMEOUT,
  paramText,
  PINNED,
  type RawRow,
  type Sessions,
  TOO_MANY_CONNECTIONS,
  type Sql,
  type Transaction,
} from './sql.ts';

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
  lock_timeout: LOCK_TIMEOUT,
  default_transaction_isolation: 'read committed',
  jit: 'off',
};

const PIN = Object.entries(SESSION)
  .map(([name, value]) => `SET ${name} = ${literal(value)}`)
  .join('; ');

/** How long a connection is waited for, whether it has to be made or to become free. */
const CONNECTION_MS = 5_000;
/** What runs when it is closed may end by itself for so long; then it is cut. */
const GRACE_MS = 2_000;

/** Connections to a Postgres server by `pg`. None is made before the first query. @throws {RowcastError} `driver_missing` without `pg`. */
export async function pgSessions(url: string, { drizzle, connections = 10 }: SessionOptions = {}): Promise<Sessions> {
  const { Pool } = await loadPg();
  const config = {
    connectionString: url,
    max: connections,
    application_name: 'rowcast',
    connectionTimeoutMillis: CONNECTION_MS,
    // Statements that do not wait for each other go out together, where the driver can: before 8.23 they wait for each other in its queue.
    pipeline: true,
    // Awaited before the connection is given to anybody; not by the connection's own options, which poolers drop.
    onConnect: async (client: ClientBase) => void (await client.query(PIN)),
  };
  const pool = new Pool(config);
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  const clients = new Set<PoolClient>();
  pool.on('connect', (client) => void clients.add(client));
  pool.on('remove', (client) => void clients.delete(client));
  return {
    query: sqlOver(pool).query,
    repeated: (name, text) => sqlOver(pool).named(name, text, []),
    transaction: (run) =>
      transaction(pool, 'BEGIN', (client, last) =>
        run({
          ...sqlOver(client),
          last,
          app: async (hook) => {
            const over = drizzle ?? (await loadDrizzle());
            const lease = new Lease();
            return over(insideOf(client, lease)).transaction(async (tx) => lease.during(() => hook(tx)));
          },
        }),
      ),
    // sql: the table's name as identifier() wrote it
    moment: (table, run) => transaction(pool, `${MOMENT}; LOCK TABLE ${table} IN ACCESS SHARE MODE`, (client) => run(sqlOver(client))),
    lasting: true,
    close: () => closePool(pool, clients),
  };
}

/** A server that does not answer is not waited for. */
async function closePool(pool: Pool, clients: ReadonlySet<PoolClient>): Promise<void> {
  const ended = pool.end();
  ended.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GRACE_MS)));
  await Promise.race([ended, late]);
  clearTimeout(timer);
  for (const client of clients) (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
}

function sqlOver(client: Pool | PoolClient): Sql & Pick<Transaction, 'named'> {
  const asked = async (query: { text: string; name?: string }, params: readonly unknown[]): Promise<readonly RawRow[]> => {
    if ('release' in client) together(client);
    return (await client.query<string[]>({ ...query, values: params.map(paramText), rowMode: 'array', types: RAW })).rows;
  };
  return {
    query: (text, params = []) => asked({ text }, params),
    named: (name, text, params) => asked({ name, text }, params),
  };
}

/** What is asked for in one go, of whatever is asked from now on, goes out in one write: a write costs more than what is in it. */
function together(client: PoolClient): void {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

const RAW = { getTypeParser: () => (text: string) => text } as never;

/**
 * The lock, and not the first read, comes before the moment is chosen: rows of a table that is emptied or rewritten in between would be gone
 * from it. A process that is frozen in the middle keeps neither for long.
 */
const MOMENT = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL statement_timeout = '10s';
  SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '60s'`;

type Run<T> = (client: PoolClient, last: (underWay: Promise<unknown>) => void) => Promise<T>;

async function transaction<T>(pool: Pool, begin: string, run: Run<T>): Promise<T> {
  const client = await pool.connect().catch((cause: unknown) => {
    // The pool has no code for it.
    if (!/^timeout exceeded/.test((cause as Error).message)) throw cause;
    throw Object.assign(new Error('all connections are in use', { cause }), { code: TOO_MANY_CONNECTIONS });
  });
  let broken: unknown;
  let committing = false;
  const onError = (error: unknown): void => void (broken ??= error);
  client.on('error', onError);
  try {
    await client.query(begin);
    let underWay: Promise<unknown> | null = null;
    const result = await run(client, (last) => (underWay = last));
    committing = true;
    // Where what goes before it fails, the server answers it with a rollback.
    await Promise.all([underWay, client.query('COMMIT')]);
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onError);
    // Whatever came of it, the cause is the connection.
    if (broken === undefined) throw error;
    throw committing ? new CommitUnknown(error) : Object.assign(new Error('the connection broke', { cause: error }), { code: '08006' });
  } finally {
    client.off('error', onError);
    client.release(broken !== undefined);
  }
}

/** The same client in a transaction that is open already: the outermost begin, commit and rollback are not its own to say. */
function insideOf(client: PoolClient, lease: Lease): PoolClient {
  const query = (statement: string | { text: string }, ...rest: unknown[]): unknown => {
    const text = typeof statement === 'string' ? statement : statement.text;
    if (/^\s*(?:begin|commit|rollback)\s*;?\s*$/i.test(text)) return Promise.resolve({ rows: [], rowCount: null, fields: [], command: '' });
    if (lease.ended) return Promise.reject(lease.refusal);
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
