// Live tables for an app on Fastify, Drizzle and Postgres: this file is all there is to add.
// npm install rowcast pg drizzle-orm fastify; then DATABASE_URL=postgres://… node server.ts
// Postgres runs with wal_level=logical, and with max_slot_wal_keep_size, so that a restart misses nothing; `npx rowcast setup --sql` prints what is done to the database, `npx rowcast teardown` undoes it.
import { eq } from 'drizzle-orm';
import { drizzle as database } from 'drizzle-orm/node-postgres';
import { boolean, integer, pgTable, text } from 'drizzle-orm/pg-core';
import Fastify from 'fastify';
import pg from 'pg';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';

// What your app has already: tables, a pool, sessions, routes.

const todo = pgTable('todo', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  listId: integer('list_id').notNull(),
  title: text('title').notNull(),
  done: boolean('done').notNull().default(false),
  ownerId: text('owner_id').notNull(),
});

interface User {
  readonly id: string;
  readonly lists: readonly number[];
}

const SESSIONS: Readonly<Record<string, User>> = {
  'token-of-ada': { id: 'ada', lists: [1, 2] },
  'token-of-bob': { id: 'bob', lists: [2] },
};

const sessionOf = (headers: Headers): User | null =>
  SESSIONS[/(?:^|; )session=([^;]+)/.exec(headers.get('cookie') ?? '')?.[1] ?? ''] ?? null;

const url = process.env.DATABASE_URL ?? 'postgres://localhost/app';
const app = Fastify({ forceCloseConnections: true });
const pool = new pg.Pool({ connectionString: url });
pool.on('error', (error) => app.log.error(error)); // an idle connection that broke, at a restart of Postgres: the pool makes another
const db = database({ client: pool });

app.post<{ Params: { id: string } }>('/todos/:id/done', async ({ params }) => {
  // Nothing to call and nothing to remember: what is committed, by whomever, is on every screen.
  await db
    .update(todo)
    .set({ done: true })
    .where(eq(todo.id, Number(params.id)));
  return { ok: true };
});

// What you add.

const binding = bindingFor<User, typeof db>();

const todos = binding(drizzle(todo), {
  fields: ['listId', 'title', 'done'], // `ownerId` stays here
  groupNames: groupBy('listId'), // who looks at a list sees its rows
  canSubscribe: (user, { listId }) => user.lists.includes(listId),
  hasPermission: (user, action, _pk, { before }) => action === 'create' || before?.ownerId === user.id,
  stamp: (user, action) => (action === 'create' ? { ownerId: user.id } : {}),
});

const live = await rowcast({ source: postgres(url), bindings: { todos } });

/** `import type { endpoint } from './server.ts'` types the client: `createClient<typeof endpoint>('/live/')`. */
export const endpoint = live.endpoint('/live/', { authenticate: (request) => sessionOf(request.headers) });
live.attach(app.server);

app.addHook('onClose', async () => {
  await live.close();
  await pool.end();
});

console.log(`ready ${await app.listen({ port: Number(process.env.PORT ?? 3000) })}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close());
