import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { sqlite } from 'rowcast/sqlite';
import solid from 'vite-plugin-solid';
import { z } from 'zod';
import { built, serving } from '../shared/page.ts';
import { run } from '../shared/run.ts';
import { presence } from './presence.ts';
import { ROOMS, type User } from './shared.ts';

const FILE = 'data/chat.db';
mkdirSync('data', { recursive: true });
const database = new DatabaseSync(FILE);
database.exec(`
  CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS message_room ON message (room);
  INSERT INTO message (room, author, body, at) SELECT value ->> 0, 'Juno', value ->> 1, unixepoch() * 1000
  FROM json_each('[["Kitchen","Soup is on at noon, bread is in the oven."],["Kitchen","Who has the big ladle?"],["Garden","The beans are up!"]]')
  WHERE NOT EXISTS (SELECT 1 FROM message)`);
database.close();

const message = sqliteTable('message', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  room: text('room', { enum: ROOMS }).notNull(),
  author: text('author').notNull(),
  body: text('body').notNull(),
  at: integer('at', { mode: 'timestamp_ms' }).notNull(),
});

const body = z.string().trim().min(1, 'Say something.').max(280, 'A message has at most 280 characters.');

const messages = bindingFor<User>()(drizzle(message), {
  fields: ['room', 'author', 'body', 'at'],
  writable: ['body'], // the room comes from the view it is written in
  groupNames: groupBy('room'),
  canSubscribe: (_user, { room }) => ROOMS.includes(room),
  hasPermission: (user, action, _pk, { before }) => action === 'create' || before?.author === user.name,
  stamp: (user, action) => (action === 'create' ? { author: user.name, at: new Date() } : {}),
  validate: { create: z.looseObject({ body }), update: z.looseObject({ body: body.optional() }) },
});

const live = await rowcast({ source: sqlite(FILE), bindings: { messages } });

/** Messages are rows, kept by the database. Who is here and who types is nobody's to keep: a consumer, beside them on the same socket. */
export const app = live.endpoint('/live/', {
  consumers: { messages, presence },
  // In an app of yours the session says who it is; here everybody is who they say they are.
  authenticate: (request): User | null => {
    const name = new URL(request.url).searchParams.get('name')?.trim().slice(0, 24);
    return name ? { name } : null;
  },
});

const page = serving(await built(import.meta.dirname, { plugins: [solid()] }));
const http = createServer((request, response) => void (live.handle(request, response) || page(request, response)));
live.attach(http);
run(http, () => live.close());
