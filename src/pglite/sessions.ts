import type { PGlite, PGliteInterface, Transaction as PgliteTransaction } from '@electric-sql/pglite';
import { RowcastError } from '../core/index.ts';
import { Lease, paramText, PINNED, sqlState, type DrizzleOver, type RawRow, type Sessions, type Sql } from '../postgres/index.ts';

type Client = PGliteInterface | PgliteTransaction;

/** PGlite has one connection, and it is the app's: only inside a transaction are the settings ours. */
export function pgliteSessions(db: PGliteInterface, drizzle: DrizzleOver<PGlite> | undefined): Sessions {
  const raw = rawTypes(db);
  const transaction = async <T>(run: (client: PgliteTransaction, sql: Sql) => Promise<T>): Promise<T> => {
    await refuseInside(sqlOver(db, raw));
    return db.transaction(async (client) => {
      const sql = sqlOver(client, raw);
      await sql.query(PIN, Object.entries(PINNED).flat());
      return run(client, sql);
    });
  };
  return {
    query: sqlOver(db, raw).query,
    repeated: (_name, text) => sqlOver(db, raw).query(text),
    transaction: (run) =>
      transaction(async (client, sql) => {
        let underWay: Promise<unknown> | null = null;
        const result = await run({
          ...sql,
          last: (last) => (underWay = last),
          named: (_name, text, params) => sql.query(text, params),
          app: async (hook) => {
            const over = drizzle ?? (await loadDrizzle());
            const lease = new Lease();
            return over(insideOf(client, lease)).transaction(async (tx) => lease.during(() => hook(tx)));
          },
        });
        await underWay;
        return result;
      }),
    // Nobody else writes while the only connection is ours: every statement sees the same.
    moment: (_table, run) =>
      transaction(async (_client, sql) => {
        await sql.query(`SELECT set_config('row_security', 'off', true)`);
        return run(sql);
      }),
    lasting: false,
    close: () => Promise.resolve(),
  };
}

const PIN = `SELECT ${Object.keys(PINNED)
  .map((_, at) => `set_config($${2 * at + 1}, $${2 * at + 2}, true)`)
  .join(', ')}`;

/**
 * An app that said BEGIN by itself has the connection: our COMMIT would be the app's. Outside of a transaction a savepoint is an error that
 * changes nothing; inside it is refused as a lock would be, and tried again.
 */
async function refuseInside(sql: Sql): Promise<void> {
  try {
    await sql.query('SAVEPOINT rowcast');
  } catch (error) {
    if (sqlState(error) === '25P01') return;
    throw error;
  }
  await sql.query('RELEASE SAVEPOINT rowcast');
  throw Object.assign(new Error('the app has a transaction open on this PGlite'), { code: '55P03' });
}

type RawTypes = () => { parsers: Record<number, (text: string) => string>; serializers: Record<number, (text: string) => string> };

/** PGlite parses what it knows by type; new types are added as they are made. */
function rawTypes(db: PGliteInterface): RawTypes {
  const { parsers, serializers } = db as unknown as { parsers: object; serializers: object };
  let known = -1;
  let made: ReturnType<RawTypes>;
  const asIs = (types: object): Record<number, (text: string) => string> =>
    Object.fromEntries(Object.keys(types).map((type) => [type, (text: string) => text]));
  return () => {
    const count = Object.keys(parsers).length;
    if (count !== known) made = { parsers: asIs(parsers), serializers: asIs(serializers) };
    known = count;
    return made;
  };
}

function sqlOver(client: Client, raw: RawTypes): Sql {
  return {
    async query(text, params = []) {
      const { rows } = await client.query<RawRow>(text, params.map(paramText), { rowMode: 'array', ...raw() });
      return rows;
    },
  };
}

/** The same client, in a transaction that is open already, until the hook is done: every method of it goes through here. */
function insideOf(client: PgliteTransaction, lease: Lease): PGlite {
  const inside: object = new Proxy(client, {
    get(target, name): unknown {
      if (name === 'transaction') return (run: (tx: unknown) => Promise<unknown>) => run(inside);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown =>
        lease.ended ? Promise.reject(lease.refusal) : (Reflect.apply(value, target, args) as unknown);
    },
  });
  return inside as PGlite;
}

async function loadDrizzle(): Promise<DrizzleOver<PGlite>> {
  try {
    const { drizzle } = await import('drizzle-orm/pglite');
    return (client) => drizzle({ client });
  } catch (cause) {
    throw new RowcastError('driver_missing', 'a hook gets its `tx` from Drizzle: npm install drizzle-orm', { cause });
  }
}
