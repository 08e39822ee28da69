import { readFile } from 'node:fs/promises';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';

/** The app's own Drizzle: what a transaction gives is one, too, and so is what commands and hooks get. */
export type Db = NodePgDatabase;

export function connect(url: string, failed: (error: Error) => void): { readonly db: Db; close(): Promise<void> } {
  const pool = new pg.Pool({ connectionString: url });
  pool.on('error', failed); // an idle connection that broke, at a restart of Postgres: the pool makes another
  return { db: drizzle({ client: pool }), close: () => pool.end() };
}

/** Makes the tables that are missing. */
export async function migrate(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("BEGIN; SELECT pg_advisory_xact_lock(hashtext('migrate'))"); // two servers that start at once
    await client.query(await readFile(new URL('tables.sql', import.meta.url), 'utf8'));
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
