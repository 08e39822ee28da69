// Compiled, never run: a client typed by the value that the server declares.
import { integer, sqliteTable, text, blob } from 'drizzle-orm/sqlite-core';
import { createClient } from '../../src/client/index.ts';
import { bindingFor, groupBy } from '../../src/core/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { z } from 'zod';
import { rowcast, commandFor, consumer } from '../../src/main/index.ts';
import { sqlite } from '../../src/sqlite/index.ts';

const post = sqliteTable('post', {
  id: integer('id').primaryKey(),
  blogId: integer('blog_id').notNull(),
  title: text('title').notNull(),
  at: integer('at', { mode: 'timestamp_ms' }),
  picture: blob('picture', { mode: 'buffer' }),
  notes: text('notes'),
});

interface User {
  readonly id: string;
}
const binding = bindingFor<User>();
const posts = binding(drizzle(post), {
  fields: ['blogId', 'title', 'at', 'picture'],
  writable: ['title', 'at', 'picture'],
  groupNames: groupBy('blogId'),
  hasPermission: () => true,
});
const live = await rowcast({ source: sqlite('app.db'), bindings: { posts } });
const publish = commandFor<User>()({
  input: z.object({ id: z.number() }),
  allow: (user) => user.id === 'ann',
  run: (_tx, { id }) => ({ id, at: new Date() }),
});
export const app = live.endpoint('/binding/', {
  consumers: { posts, chat: consumer<User>({}), publish },
  authenticate: () => ({ id: 'ann' }),
});

const client = createClient<typeof app>('/binding/');
const stream = client.stream('posts', { blogId: 7 });
stream.on('update', ({ data }) => {
  const { title, at, picture }: { readonly title: string; readonly at: Date | null; readonly picture: Uint8Array | null } = data;
  void [title, at, picture];
  // @ts-expect-error a column that is not among the fields
  void data.notes;
});
void stream.create({ title: 'T', at: new Date(), picture: new Uint8Array() });
// @ts-expect-error a field that is not writable
void stream.update(1, { blogId: 8 });
// @ts-expect-error another type
client.stream('posts', { blogId: '7' });
// @ts-expect-error a stream that is not offered
client.stream('users');
client.stream('chat').send('x');
// @ts-expect-error a stream of the app's own has no rows
void client.stream('chat').create({});

const published = await client.call('publish', { id: 3 });
if (published.ok) {
  const { id, at }: { readonly id: number; readonly at: string } = published.value; // as JSON has it
  void [id, at];
} else {
  const code: string = published.code;
  void code;
}
// @ts-expect-error another input
void client.call('publish', { id: '3' });
// @ts-expect-error a binding is no command
void client.call('posts', { id: 3 });
// @ts-expect-error a command is no stream
client.stream('publish');

// In process, the same.
const inside = live.as({ id: 'ann' });
void inside.stream('posts', { blogId: 7 }).update(1, { title: 'T' });
// @ts-expect-error a field that is not writable
void inside.stream('posts').update(1, { notes: 'x' });
void live.as({ id: 'ann' }, { endpoint: app }).call('publish', { id: 3 });
// @ts-expect-error no endpoint, no commands
void inside.call('publish', { id: 3 });
