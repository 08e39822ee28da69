import { readdirSync, readFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { serving, typeOf, type Asset } from '../shared/page.ts';
import { run } from '../shared/run.ts';

const FILE = 'data/plain.db';
mkdirSync('data', { recursive: true });
const database = new DatabaseSync(FILE);
database.exec(`
  CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, done INTEGER NOT NULL DEFAULT 0);
  INSERT INTO item (name) SELECT value FROM json_each('["Bread","Olives","A bottle of red"]') WHERE NOT EXISTS (SELECT 1 FROM item)`);
database.close();

const item = sqliteTable('item', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  name: text('name').notNull().unique(),
  done: integer('done', { mode: 'boolean' }).notNull().default(false),
});

const items = bindingFor()(drizzle(item), {
  fields: ['name', 'done'],
  groupNames: () => ['everybody'],
  hasPermission: () => true, // put your own check here
});

const live = await rowcast({ source: sqlite(FILE), bindings: { items } });
live.endpoint('/live/', { connectionGroups: () => ['everybody'] });

// The client is served as it is in the package: ES modules, one folder beside the other.
const dist = new URL('../', import.meta.resolve('rowcast/client'));
const files = (folder: URL, path: string): [string, Asset][] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [path + name, { type: typeOf(name), body: readFileSync(new URL(name, folder)) }]);
const asset = (name: string): Asset => ({ type: typeOf(name), body: readFileSync(new URL(name, import.meta.url)) });

const page = serving(
  new Map([
    ['/index.html', asset('index.html')],
    ['/style.css', asset('../shared/style.css')],
    ...files(new URL('client/', dist), '/rowcast/client/'),
    ...files(new URL('protocol/', dist), '/rowcast/protocol/'),
  ]),
);
const http = createServer((request, response) => void (live.handle(request, response) || page(request, response)));
live.attach(http);
run(http, () => live.close());
