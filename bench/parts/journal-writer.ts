import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { machineMs } from '../load/arrivals.ts';
import { answer } from '../process.ts';

// The app, in a process of its own: it writes as fast as SQLite lets it.

const folder = mkdtempSync(join(tmpdir(), 'rowcast-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.db');
const app = new DatabaseSync(file);

interface Written {
  readonly table: 'bound' | 'traced';
  readonly rows: number;
  /** Rows of a transaction. */
  readonly each: number;
}

answer({
  /** Gives the file. `traced`: what any capture by triggers costs the engine, with nobody reading. */
  make({ rows, groups }: { rows: number; groups: number }) {
    app.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000');
    for (const name of ['bound', 'traced']) {
      app.exec(`CREATE TABLE ${name}(id INTEGER PRIMARY KEY, team INTEGER, value INTEGER, body TEXT); BEGIN`);
      const insert = app.prepare(`INSERT INTO ${name} VALUES (?, ?, 0, ?)`);
      for (let id = 0; id < rows; id++) insert.run(id, (id * 7_919) % groups, 'body '.repeat(12));
      app.exec('COMMIT');
    }
    app.exec(`CREATE TABLE trace(seq INTEGER PRIMARY KEY AUTOINCREMENT, id, team, value, body, old_team, old_value, old_body);
      CREATE TRIGGER traced_update AFTER UPDATE ON traced BEGIN INSERT INTO trace(id, team, value, body, old_team, old_value, old_body)
        VALUES (new.id, new.team, new.value, new.body, old.team, old.value, old.body); END`);
    return file;
  },
  /** Gives the milliseconds, by the machine's clock, at which it began and ended. */
  write({ table, rows, each }: Written) {
    const update = { bound: 'UPDATE bound SET value = value + 1', traced: 'UPDATE traced SET value = value + 1' }[table];
    const statement = app.prepare(`${update} WHERE id >= ? AND id < ?`);
    const one = app.prepare(`${update} WHERE id = ?`);
    const begin = machineMs();
    for (let done = 0; done < rows; done += each) {
      if (each > 1_000) {
        statement.run(done, done + each);
        continue;
      }
      app.exec('BEGIN IMMEDIATE');
      for (let id = done; id < done + each; id++) one.run(id);
      app.exec('COMMIT');
    }
    return { begin, end: machineMs() };
  },
  close: () => app.close(),
});
