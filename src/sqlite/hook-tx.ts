import { RowcastError } from '../core/index.ts';
import type { Connection } from './connection.ts';

/**
 * The Drizzle handle that hooks get, over Rowcast's own connection: synchronous, whichever driver stands below. Drizzle 1.0 has a driver for
 * node:sqlite; 0.45 has one for better-sqlite3 only, whose session takes any client of that shape.
 */
export async function drizzleOver({ client, drizzleClient }: Connection): Promise<unknown> {
  try {
    if (client === drizzleClient) {
      const { drizzle } = (await import('drizzle-orm/better-sqlite3')) as unknown as Driver;
      return drizzle({ client });
    }
    const own = await load<Driver>('drizzle-orm/node-sqlite');
    if (own) return own.drizzle({ client });
    return await over045(drizzleClient);
  } catch (cause) {
    if (cause instanceof RowcastError) throw cause;
    const cure = 'run `npm install drizzle-orm`, or say sqlite(file, { drizzle: (client) => … })';
    throw new RowcastError('driver_missing', `hooks get a Drizzle handle, and drizzle-orm is not there: ${cure}`, { cause });
  }
}

interface Driver {
  drizzle(options: { readonly client: unknown }): unknown;
}

/** What `drizzle-orm/better-sqlite3` does, without loading better-sqlite3 itself, which need not be installed. */
async function over045(client: unknown): Promise<unknown> {
  const [{ BetterSQLiteSession }, { BaseSQLiteDatabase, SQLiteSyncDialect }] = await Promise.all([
    import('drizzle-orm/better-sqlite3/session'),
    import('drizzle-orm/sqlite-core'),
  ]);
  const dialect = new SQLiteSyncDialect();
  const session = new BetterSQLiteSession(client as never, dialect, undefined);
  return new BaseSQLiteDatabase('sync', dialect, session as never, undefined);
}

/** A module that this version of the package may not have. */
async function load<M>(path: string): Promise<M | null> {
  try {
    return (await import(path)) as M;
  } catch {
    return null;
  }
}
