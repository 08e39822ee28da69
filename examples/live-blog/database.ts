import type { Database } from 'rowcast';
import type { Tables } from './bindings.ts';

/** What the demo needs of a database, whichever it is. */
export interface Opened {
  readonly source: Database;
  readonly tables: Tables;
  /** How to reach it with a shell, for the hint on the page. */
  readonly shell: string;
  close(): Promise<void>;
}

/** On Postgres when there is a URL, else on SQLite in the folder. Makes and fills the tables where they are missing. */
export async function open(url: string | undefined, folder: string): Promise<Opened> {
  if (url) return (await import('./open-postgres.ts')).openPostgres(url);
  return (await import('./open-sqlite.ts')).openSqlite(folder);
}
