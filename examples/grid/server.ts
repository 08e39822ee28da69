import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import vue from '@vitejs/plugin-vue';
import { integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import { z } from 'zod';
import { built, serving } from '../shared/page.ts';
import { run } from '../shared/run.ts';
import { cursors, type User } from './cursors.ts';
import { rows } from './seed.ts';

const FILE = 'data/grid.db';
mkdirSync('data', { recursive: true });
const database = new DatabaseSync(FILE);
database.exec(`CREATE TABLE IF NOT EXISTS item (
  id INTEGER PRIMARY KEY AUTOINCREMENT, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, shelf TEXT NOT NULL,
  stock INTEGER NOT NULL, price REAL NOT NULL, note TEXT NOT NULL
)`);
database
  .prepare(
    `INSERT INTO item (sku, name, shelf, stock, price, note)
     SELECT value ->> 'sku', value ->> 'name', value ->> 'shelf', value ->> 'stock', value ->> 'price', value ->> 'note'
     FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM item)`,
  )
  .run(JSON.stringify(rows));
database.close();

const item = sqliteTable('item', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  sku: text('sku').notNull().unique(),
  name: text('name').notNull(),
  shelf: text('shelf').notNull(),
  stock: integer('stock').notNull(),
  price: real('price').notNull(),
  note: text('note').notNull(),
});

const update = z
  .looseObject({
    name: z.string().trim().min(1, 'An item has a name'),
    shelf: z.string().regex(/^[A-F][1-9]$/, 'A1 to F9'),
    stock: z.int().min(0, 'Not below 0').max(9_999, 'At most 9,999'),
    price: z.number().positive('More than 0'),
    note: z.string().max(60, 'At most 60 characters'),
  })
  .partial();

const items = bindingFor<User>()(drizzle(item), {
  fields: ['sku', 'name', 'shelf', 'stock', 'price', 'note'],
  writable: ['name', 'shelf', 'stock', 'price', 'note'],
  groupNames: () => ['sheet'],
  hasPermission: (_user, action) => action === 'update', // put your own check here
  validate: { update },
});

const live = await rowcast({ source: sqlite(FILE), bindings: { items } });

/** The rows, and beside them on the same socket who is in which cell: that is nobody's to keep. */
export const app = live.endpoint('/live/', {
  consumers: { items, cursors },
  connectionGroups: () => ['sheet'],
  authenticate: (request): User => ({ name: new URL(request.url).searchParams.get('name')?.slice(0, 24) || 'Somebody' }),
});

const page = serving(await built(import.meta.dirname, { plugins: [vue()] }));
const http = createServer((request, response) => void (live.handle(request, response) || page(request, response)));
live.attach(http);
run(http, () => live.close());
