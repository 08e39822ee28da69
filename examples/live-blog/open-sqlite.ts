import { join, relative } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { count } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { sqlite } from 'rowcast/sqlite';
import type { Opened } from './database.ts';
import { blog, integerValue, post, statements } from './schema-sqlite.ts';
import * as seed from './seed.ts';

export async function openSqlite(folder: string): Promise<Opened> {
  const file = join(folder, 'live-blog.db');
  // The app's own connection: Rowcast has one for itself.
  const connection = new DatabaseSync(file);
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000');
  const db = drizzle(async (query, parameters, method) => {
    const statement = connection.prepare(query);
    statement.setReturnArrays(true);
    const values = parameters as SQLInputValue[];
    if (method === 'run') statement.run(...values);
    return { rows: method === 'run' ? [] : (statement.all(...values) as unknown[]) };
  });

  const fresh = !connection.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'post'").get();
  for (const statement of statements) connection.exec(statement);
  await db.insert(blog).values(seed.blogs).onConflictDoNothing();
  if (fresh) {
    await db.insert(post).values(seed.posts);
    const [{ n } = { n: 0 }] = await db.select({ n: count() }).from(integerValue);
    if (n === 0) await db.insert(integerValue).values(seed.values);
  }
  return {
    source: sqlite(file),
    tables: { blog, integerValue, post },
    shell: `sqlite3 ${relative('', file)}`,
    close: async () => connection.close(),
  };
}
