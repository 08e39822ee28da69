import cluster from 'node:cluster';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { siblings } from 'rowcast/siblings';
import { sqlite } from 'rowcast/sqlite';
import { run } from '../shared/run.ts';

const FILE = 'data/cores.db';

if (cluster.isPrimary) {
  mkdirSync('data', { recursive: true });
  const database = new DatabaseSync(FILE);
  database.exec(`
    CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
    INSERT OR IGNORE INTO counter VALUES (1, 0)`);
  database.close();
  const { WORKERS = String(availableParallelism()) } = process.env;
  for (let n = 0; n < Number(WORKERS); n++) cluster.fork();
  // One that dies is replaced; whoever was connected to it comes back to another, and goes on from where it was.
  cluster.on('exit', (worker) => worker.exitedAfterDisconnect || cluster.fork());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cluster.disconnect());
} else {
  const counter = sqliteTable('counter', { id: integer('id').primaryKey(), value: integer('value').notNull() });
  const counters = bindingFor()(drizzle(counter), {
    fields: ['value'],
    groupNames: () => ['everybody'],
    hasPermission: () => true, // put your own check here
  });
  // The one line: of all workers one reads the file's log, and hands it to the others.
  const live = await rowcast({ source: sqlite(FILE), bindings: { counters }, broker: siblings() });
  live.endpoint('/live/', { connectionGroups: () => ['everybody'] });
  const http = createServer((request, response) => {
    if (live.handle(request, response)) return;
    response.end(`worker ${process.pid}\n`);
  });
  live.attach(http);
  run(http, () => live.close());
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
}
