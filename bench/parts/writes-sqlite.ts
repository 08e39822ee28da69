import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { answer } from '../process.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.db');
const app = new DatabaseSync(file);
app.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL');
for (const name of ['bound', 'free', 'traced']) {
  app.exec(`CREATE TABLE ${name}(id INTEGER PRIMARY KEY, value INTEGER, body TEXT)`);
  const insert = app.prepare(`INSERT INTO ${name} VALUES (?, 0, ?)`);
  for (let id = 1; id <= 1_000; id++) insert.run(id, 'body '.repeat(20));
}
const bound = sqliteTable('bound', { id: integer().primaryKey(), value: integer(), body: text() });
const live = await rowcast({
  source: sqlite(file),
  bindings: { bound: bindingFor()(drizzle(bound), { fields: '__all__', groupNames: () => ['all'] }) },
});
// What any capture by triggers costs the engine, with nobody reading.
app.exec(`CREATE TABLE trace(seq INTEGER PRIMARY KEY AUTOINCREMENT, id, value, body, old_value, old_body);
  CREATE TRIGGER traced_update AFTER UPDATE ON traced BEGIN INSERT INTO trace(id, value, body, old_value, old_body) VALUES (new.id, new.value, new.body, old.value, old.body); END`);
const statements = {
  bound: app.prepare('UPDATE bound SET value = value + 1 WHERE id = ?'),
  free: app.prepare('UPDATE free SET value = value + 1 WHERE id = ?'),
  traced: app.prepare('UPDATE traced SET value = value + 1 WHERE id = ?'),
};

answer({
  start: () => undefined,
  /** One transaction a write, as fast as the app can, yielding now and then as an app would. Per second. */
  async write({ table, count }: { table: keyof typeof statements; count: number }) {
    const begin = process.hrtime.bigint();
    for (let n = 0; n < count; n++) {
      statements[table].run((n % 1_000) + 1);
      if (n % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    return count / (Number(process.hrtime.bigint() - begin) / 1e9);
  },
  close: async () => {
    await live.close();
    app.close();
  },
});
