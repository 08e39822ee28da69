import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { answer } from '../process.ts';
import { BODY, LIMITS, ROWS, WRITTEN } from './inbound.ts';
import { served } from './serving.ts';

// Writes of clients to a file; and, in files of their own, the same statements in a bare loop of the same driver.

const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const table = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const hot = bindingFor()(drizzle(table), WRITTEN);

function made(name: string): string {
  const file = join(folder, name);
  const app = new DatabaseSync(file);
  app.exec('PRAGMA journal_mode=WAL; CREATE TABLE hot(id INTEGER PRIMARY KEY, value INTEGER, body TEXT)');
  const insert = app.prepare('INSERT INTO hot VALUES (?, 0, ?)');
  for (let id = 1; id <= ROWS; id++) insert.run(id, BODY);
  app.close();
  return file;
}

const live = await rowcast({ source: sqlite(made('app.db')), bindings: { hot } });
live.endpoint('/', { consumers: { hot }, limits: LIMITS });

/** As Rowcast's own connection is. */
function bare(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL');
  return database;
}
// Its triggers stay in the file when it is closed: a loop pays for the capture, and nobody reads it.
const followed = made('followed.db');
await (await rowcast({ source: sqlite(followed), bindings: { hot } })).close();
const files = { followed: bare(followed), free: bare(made('free.db')) };

answer({
  listen: served(live).listen,
  /** One transaction an update. Per second. */
  loop({ file, count }: { readonly file: keyof typeof files; readonly count: number }) {
    const update = files[file].prepare('UPDATE hot SET value = ? WHERE id = ?');
    const begin = process.hrtime.bigint();
    for (let n = 0; n < count; n++) update.run(n, (n % ROWS) + 1);
    return count / (Number(process.hrtime.bigint() - begin) / 1e9);
  },
  close: () => live.close(),
});
