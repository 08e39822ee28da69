import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { EACH, ROOMS, serveRooms } from './first-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.db');
const app = new DatabaseSync(file);
app.exec(
  'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE post(id INTEGER PRIMARY KEY, room INTEGER, value INTEGER, body TEXT)',
);
app.exec('CREATE INDEX post_room ON post(room); BEGIN');
const insert = app.prepare('INSERT INTO post VALUES (?, ?, 0, ?)');
for (let id = 0; id < ROOMS * EACH; id++) insert.run(id, id % ROOMS, 'body '.repeat(12));
app.exec('COMMIT');
const post = sqliteTable('post', { id: integer().primaryKey(), room: integer(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(post), { fields: ['id', 'value', 'body'], groupNames: groupBy('room'), canSubscribe: () => true });

serveRooms(await rowcast({ source: sqlite(file), bindings: { post: binding } }), () => {
  app.close();
  return Promise.resolve();
});
