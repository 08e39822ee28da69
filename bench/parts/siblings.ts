import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast, type Live } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { siblings } from 'rowcast/siblings';
import { sqlite } from 'rowcast/sqlite';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

// One of the processes that serve a file: alone, or one of several.

const hot = sqliteTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['hot'] });
let live: Live | undefined;

answer({
  /** Makes the file. Gives where it is. */
  make() {
    const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'app.db');
    const app = new DatabaseSync(file);
    app.exec(
      "PRAGMA journal_mode=WAL; CREATE TABLE hot(id INTEGER PRIMARY KEY, value INTEGER, body TEXT); INSERT INTO hot VALUES (1, 0, 'body')",
    );
    app.close();
    return file;
  },
  async listen({ at, alone }: { at: string; alone: boolean }) {
    live = await rowcast({ source: sqlite(at), bindings: { hot: binding }, ...(!alone && { broker: siblings() }) });
    return serving(live, ['hot']).listen();
  },
  close: () => live?.close(),
});
