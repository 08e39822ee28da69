import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, consumer, groupBy } from '../../src/main/index.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// What happens while a function of the app's own is being asked.

interface User {
  readonly id: string;
  readonly until?: unknown;
}
const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const row = (id: number, blogId = 7) => ({ id, blogId, title: `t${id}` });
const create = (...rows: ReturnType<typeof row>[]) => rows.map((after) => ({ before: null, after }));

/** Something that is asked, and answers when the test says so. */
function asked<T>() {
  const waiting: ((answer: T) => void)[] = [];
  return {
    ask: () => new Promise<T>((resolve) => waiting.push(resolve)),
    async answer(answer: T) {
      while (waiting.length === 0) await turns(1);
      for (const resolve of waiting.splice(0)) resolve(answer);
      await turns();
    },
  };
}

test('one who leaves while it is asked whether they may keep a view takes it from nobody else', async () => {
  const hook = asked<boolean>();
  let slow = false;
  const posts = bindingFor<User>()(drizzle(post), {
    fields: ['title'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => (slow ? hook.ask() : true),
  });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }), refresh: (_token, user) => user });
  const [stays, leaves] = [await ByHand.open(w.live), await ByHand.open(w.live)];
  for (const each of [stays, leaves]) {
    each.ask('posts', { params: { blogId: 7 } });
    await each.until('ready');
  }
  slow = true;
  leaves.send({ type: 'refresh', id: 9, token: 'x' });
  await turns();
  const left = leaves.gone();
  await hook.answer(false);
  await left;
  await w.live.publish(posts, create(row(1)));
  await w.live.settled();
  expect(stays.of('commit').map(({ changes }) => changes.length)).toEqual([1]);
});

test('a consumer is told who the user is by their newest credentials', async () => {
  const roles: string[] = [];
  const chat = consumer<User & { readonly role: string }>({ receive: (_content, { user }) => void roles.push(user.role) });
  const posts = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: () => ['posts'] });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', {
    consumers: { chat },
    authenticate: () => ({ id: 'ann', role: 'editor' }),
    refresh: (_token, user) => ({ ...user, role: 'reader' }),
  });
  const hand = await ByHand.open(w.live);
  hand.send({ type: 'message', stream: 'chat', payload: 1 });
  hand.send({ type: 'refresh', id: 1, token: 'x' });
  await hand.until('refreshed');
  hand.send({ type: 'message', stream: 'chat', payload: 2 });
  await turns();
  expect(roles).toEqual(['editor', 'reader']);
});

test('newer credentials leave the groups that the app’s own code joined', async () => {
  const chat = consumer<User>({ connect: ({ groups }) => groups.add('room') });
  const posts = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: () => ['room', 'old', 'new'] });
  await using w = await world({ bindings: { posts } });
  let given = 'old';
  w.live.endpoint('/', {
    consumers: { chat },
    authenticate: () => ({ id: 'ann' }),
    connectionGroups: () => [given],
    refresh: (_token, user) => user,
  });
  const hand = await ByHand.open(w.live);
  given = 'new';
  hand.send({ type: 'refresh', id: 1, token: 'x' });
  await hand.until('refreshed');
  for (const group of ['old', 'new', 'room']) await w.live.groups.send(group, group, { stream: 'chat' });
  await turns();
  expect(hand.of('message').map(({ payload }) => payload)).toEqual(['new', 'room']);
});

test('a view that was theirs by a group they were in is not any more when they are taken out of it', async () => {
  const closed = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId') });
  const open = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
  const out = consumer<User>({
    receive(_content, { groups }) {
      for (const each of [closed, open]) groups.discard(each.group({ blogId: 7 }));
    },
  });
  await using w = await world({ bindings: { closed, open } });
  w.live.endpoint('/', {
    consumers: { closed, open, out },
    authenticate: () => ({ id: 'ann' }),
    connectionGroups: () => [closed.group({ blogId: 7 }), closed.group({ blogId: 8 }), open.group({ blogId: 7 })],
  });
  const hand = await ByHand.open(w.live);
  hand.ask('closed', { params: { blogId: 7 } });
  const { view } = await hand.until('ready');
  hand.ask('closed', { params: { blogId: 8 } });
  hand.ask('open', { params: { blogId: 7 } });
  await hand.until('ready', 3);
  hand.send({ type: 'message', stream: 'out', payload: null });
  expect(await hand.until('dropped')).toMatchObject({ view, code: 'forbidden' });
  await w.live.publish(closed, create(row(1), row(2, 8)));
  await w.live.settled();
  expect(hand.of('dropped')).toHaveLength(1);
  expect(
    hand
      .of('commit')
      .flatMap(({ changes }) => changes.map(([, , pk]) => pk))
      .sort(),
  ).toEqual([1, 2]);
});

test('who is let in while their access is taken back is not let in', async () => {
  const hook = asked<User>();
  const posts = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => hook.ask() });
  const [ann, bob] = [ByHand.open(w.live), ByHand.open(w.live)];
  await turns();
  await w.live.revoke({ user: 'ann' });
  await hook.answer({ id: 'ann' });
  expect((await ann).closed).toBe(4100);
  expect((await bob).closed).toBe(4100);
  const again = ByHand.open(w.live);
  await hook.answer({ id: 'ann' });
  expect((await again).closed).toBeNull();
});

test.each([new Date(Number.NaN), '2030-01-01', Number.NaN])('a time that is none is no time without end: until %s', async (until) => {
  const posts = bindingFor<User>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann', until }) });
  await expect(ByHand.open(w.live)).rejects.toThrow('500');
  expect(w.notes.count('refused')).toBe(1);
});
