import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { world } from '../support/world.ts';

// A client that comes back sends what it had to say before it asks for views: what it may write does not hang on what it looks at.

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer(), title: text() });

test('who may ask for a view may write into it, asked for or not; who may not, may not', async () => {
  const asked: number[] = [];
  const posts = bindingFor<{ id: string }>()(drizzle(post), {
    fields: ['title', 'blogId'],
    groupNames: groupBy('blogId'),
    canSubscribe: (_user, { blogId }) => {
      asked.push(blogId as number);
      return blogId === 7;
    },
    hasPermission: () => true,
  });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'u' }) });
  const viewer = await w.viewer('/');
  expect(await viewer.write('posts', 'create', { data: { title: 'mine' }, params: { blogId: 7 } })).toMatchObject({ ok: true });
  expect(await viewer.write('posts', 'create', { data: { title: 'not mine' }, params: { blogId: 8 } })).toMatchObject({
    code: 'forbidden',
  });
  expect(asked).toEqual([7, 8]);
});
