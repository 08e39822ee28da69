import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { serve } from './latency.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.db');
const app = new DatabaseSync(file);
app.exec(
  "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE hot(id INTEGER PRIMARY KEY, value INTEGER, body TEXT); INSERT INTO hot VALUES (1, 0, 'body')",
);
const hot = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['hot'] });
const live = await rowcast({ source: sqlite(file), bindings: { hot: binding } });
const update = app.prepare('UPDATE hot SET value = ? WHERE id = 1');

serve(live, {
  at: file,
  write: (value) => {
    update.run(value);
    return Promise.resolve();
  },
  close: () => {
    app.close();
    return Promise.resolve();
  },
});
