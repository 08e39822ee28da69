import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { world } from '../support/world.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor } from '../../src/main/index.ts';

// What the app publishes to rows in memory comes while a permission is looked up.

const post = sqliteTable('post', { id: integer().primaryKey(), title: text(), body: text() });
const row = (title: string) => ({ id: 1, title, body: 'b' });

/** Looks at the row, and answers when the test says so. */
async function served(hook?: () => Promise<void>) {
  const looked = { times: 0, at: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() };
  const posts = bindingFor()(drizzle(post), {
    fields: ['title', 'body'],
    groupNames: () => ['all'],
    async hasPermission(_user, _action, _pk, { before }) {
      looked.times++;
      looked.at.resolve();
      await looked.go.promise;
      return before?.title !== 'locked';
    },
    ...(hook && { update: hook }),
  });
  const w = await world({ bindings: { posts } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  await w.live.publish(posts, [{ before: null, after: row('old') }]);
  return { w, posts, looked };
}

const write = { type: 'write', id: 1, stream: 'posts', action: 'update', pk: 1, data: { body: 'mine' } };

test.each<[string, object, string, object]>([
  ['an `if` is compared with it', { ...write, if: { title: 'old' } }, 'new', { code: 'conflict', row: { title: 'new', body: 'b' } }],
  ['the permission is asked for it', write, 'locked', { code: 'forbidden' }],
  ['a row of a batch, too', { type: 'batch', id: 1, writes: [{ ...write, type: undefined, id: undefined }] }, 'locked', { at: 0 }],
])('%s', async (_what, frame, title, refusal) => {
  const { w, posts, looked } = await served();
  await using _ = w;
  const viewer = await w.viewer('/');
  viewer.send(frame);
  await looked.at.promise;
  await w.live.publish(posts, [{ before: row('old'), after: row(title) }]);
  looked.go.resolve();
  expect(await viewer.answer(1)).toMatchObject({ ok: false, ...refusal });
});

test('what a hook publishes itself is what it does, and done once', async () => {
  let publish: () => Promise<void> = () => Promise.resolve();
  const { w, posts, looked } = await served(() => publish());
  await using _ = w;
  let times = 0;
  publish = () => (times++, w.live.publish(posts, [{ before: row('old'), after: row('hooked') }]));
  looked.go.resolve();
  const viewer = await w.viewer('/');
  viewer.send(write);
  expect(await viewer.answer(1)).toMatchObject({ ok: true, pk: 1 });
  expect([times, looked.times]).toEqual([1, 1]);
});
