import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { drizzle } from '../../src/drizzle/index.ts';
import { rowOf, UNREADABLE } from '../../src/core/index.ts';
import { bindingFor, consumer, groupBy } from '../../src/main/index.ts';
import { handModel, handTable } from '../core/hand-made.ts';
import { world } from '../support/world.ts';

// What one part of a server may not do to another: open its rows, undo what it set, or take it down.

const post = sqliteTable('post', {
  id: integer().primaryKey(),
  blogId: integer(),
  title: text(),
  owner: text(),
  secret: text(),
});
const model = drizzle(post);
const binding = bindingFor();
const row = (values: Partial<typeof post.$inferSelect> & { id: number }) => ({
  blogId: 7,
  title: 't',
  owner: null,
  secret: 'CANARY',
  ...values,
});

test('being in the group of one binding opens no other binding of the table', async () => {
  const pub = binding(model, { fields: ['title'], groupNames: groupBy('blogId') });
  const priv = binding(model, { fields: ['title', 'secret'], groupNames: groupBy('blogId'), canSubscribe: () => false });
  await using w = await world({ bindings: { pub, priv } });
  w.live.endpoint('/', { connectionGroups: () => [pub.group({ blogId: 7 })] });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'subscribe', id: 1, stream: 'priv', params: { blogId: 7 } });
  expect(await viewer.next('error')).toMatchObject({ code: 'forbidden', id: 1 });
  await w.live.publish(pub, [{ before: null, after: row({ id: 1 }) }]);
  expect((await viewer.next('commit')).changes).toEqual([[1, 'create', 1, { title: 't' }]]);
  expect(viewer.texts.join()).not.toContain('CANARY');
});

test('no text that a client sends names a group by columns', async () => {
  const posts = binding(model, { fields: ['title', 'secret'], groupNames: groupBy('blogId'), canSubscribe: () => false });
  const rooms = consumer({ receive: (room, { groups }) => groups.add(room as string) });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { consumers: { posts, rooms } });
  const viewer = await w.viewer('/');
  const { key } = posts.group({ blogId: 7 });
  for (const payload of [key, key.slice(1), { key }, ['main.post', 'blogId', '7'], '']) {
    viewer.send({ type: 'message', stream: 'rooms', payload });
  }
  await w.notes.holds('the consumer "rooms" failed', 4); // all but the plain text, which is a room like any other
  await w.live.publish(posts, [{ before: null, after: row({ id: 1 }) }]);
  await w.live.settled();
  expect(viewer.texts.join()).not.toContain('CANARY');
});

test('a validator that drops what it does not know drops neither the stamp nor the place of a row', async () => {
  const strip = binding(model, {
    fields: ['title', 'owner'],
    writable: ['title'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => true,
    hasPermission: () => true,
    stamp: () => ({ owner: 'STAMPED' }),
    validate: { create: z.object({ title: z.string() }) },
  });
  await using w = await world({ bindings: { strip } });
  w.live.endpoint('/');
  const viewer = await w.viewer('/');
  viewer.send({ type: 'subscribe', id: 1, stream: 'strip', params: { blogId: 9 } });
  await viewer.next('subscribed');
  expect(await viewer.write('strip', 'create', { data: { title: 'x' }, params: { blogId: 9 } })).toMatchObject({ ok: true });
  expect((await viewer.next('commit')).changes[0]?.[3]).toEqual({ title: 'x', owner: 'STAMPED' });
});

test('a created row lies where its view says: not where its data says, and not without a view', async () => {
  const open = binding(model, {
    fields: ['title', 'blogId'],
    writable: ['title', 'blogId'],
    groupNames: groupBy('blogId'),
    canSubscribe: (_user, { blogId }) => blogId === 7,
    hasPermission: () => true,
  });
  const closed = binding(model, { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true, hasPermission: () => true });
  await using w = await world({ bindings: { open, closed } });
  w.live.endpoint('/');
  const viewer = await w.viewer('/');
  viewer.send({ type: 'subscribe', id: 1, stream: 'open', params: { blogId: 7 } });
  await viewer.next('subscribed');
  expect(await viewer.write('open', 'create', { data: { title: 'x', blogId: 66 }, params: { blogId: 7 } })).toMatchObject({
    ok: false,
    code: 'invalid',
    fields: { blogId: 'is another than the params say' },
  });
  expect(await viewer.write('open', 'create', { data: { title: 'x', blogId: 7 }, params: { blogId: 7 } })).toMatchObject({ ok: true });
  expect(await viewer.write('closed', 'create', { data: { title: 'x' } })).toMatchObject({ ok: false, code: 'invalid' });
});

test('hasPermission judges the key as the row has it, not as the client spelt it', async () => {
  const asked: unknown[] = [];
  const posts = binding(model, {
    fields: ['title'],
    groupNames: () => ['all'],
    hasPermission: (_user, _action, pk) => asked.push(pk) > 0,
  });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/');
  await w.live.publish(posts, [{ before: null, after: row({ id: 5 }) }]);
  await viewer.write('posts', 'update', { pk: 5, data: { title: 'x' } });
  await viewer.write('posts', 'create', { data: { title: 'y' } });
  expect(asked).toEqual([5, null]);
});

test('a hook that fails at every commit is one reset for a view whose rows it fails on, until it works again', async () => {
  const posts = binding(model, {
    fields: ['title'],
    groupNames: ({ title }) => {
      if (title === 'poison') throw new Error('on purpose');
      return ['all'];
    },
  });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/');
  for (let id = 1; id <= 20; id++) await w.live.publish(posts, [{ before: null, after: row({ id, title: 'poison' }) }]);
  for (let id = 1; id <= 20; id++) await w.live.publish(posts, [{ before: row({ id, title: 'poison' }), after: null }]);
  await w.live.publish(posts, [{ before: null, after: row({ id: 21 }) }]);
  await viewer.next('ready');
  await w.live.publish(posts, [{ before: null, after: row({ id: 22 }) }]);
  expect((await viewer.next('commit')).changes).toEqual([[1, 'create', 22, { title: 't' }]]);
  expect(viewer.frames.flatMap((frame) => (frame.type === 'rows' ? frame.rows : []))).toEqual([[21, { title: 't' }]]);
  expect(viewer.frames.filter(({ type }) => type === 'reset')).toHaveLength(1);
  expect(w.notes.count('a hook failed')).toBe(1);
});

test('a column that the log does not have as declared is unreadable, not NULL, and only for who asks', () => {
  const table = handTable(handModel('doc', ['id', 'title', 'secret']));
  const doc = rowOf(table, [1, 'a', UNREADABLE]);
  expect([doc.id, doc.title]).toEqual([1, 'a']);
  expect(() => doc.secret).toThrow(/no column "secret" as the model declares it/);
});
