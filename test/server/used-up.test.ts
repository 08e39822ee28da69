import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFor, command, consumer, groupBy, refuse } from '../../src/main/index.ts';
import { databases, models } from '../support/databases.ts';
import { world } from '../support/world.ts';

// Which refusals are remembered under an `id`, and which leave it free for another try.

async function served() {
  const now = { open: false };
  const posts = bindingFor()(models.post, {
    fields: ['title', 'blogId'],
    writable: ['title', 'blogId'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => now.open,
    hasPermission: (_user, _action, _pk, { data }) => now.open || data.title !== 'forbidden',
    stamp: (_user, action) => (action === 'create' ? { body: '', published: false, secret: '' } : {}),
    validate: { update: z.object({ title: z.string().refine((title) => now.open || title !== 'invalid') }).partial() },
    delete: () => void (now.open || refuse('busy', 'the app says so')),
  });
  const once = command({
    input: z.string().refine((text) => now.open || text !== 'invalid'),
    allow: (_user, text) => now.open || text !== 'forbidden',
    run: (_tx, text) => {
      if (now.open) return text;
      if (text === 'throws') throw new Error('on purpose');
      return refuse('rate_limited', 'not now');
    },
  });
  const still = bindingFor()(models.thing, { fields: ['name'], groupNames: () => ['all'] });
  const bindings = { posts, still };
  const w = await world({ bindings });
  w.live.endpoint('/', { consumers: { ...bindings, once, chat: consumer({}) }, connectionGroups: () => [posts.group({ blogId: 1 })] });
  const row = { id: 1, blogId: 1, title: 'one', body: '', published: false, secret: '', owner: null };
  await w.live.publish(posts, [{ before: null, after: row }]);
  const appears = (): Promise<void> => w.live.publish(posts, [{ before: null, after: { ...row, id: 2 } }]);
  return { w, now, appears };
}

const body = (data: object) => ({ stream: 'posts', action: 'update', pk: 1, data });
const update = (data: object, about: object = {}) => ({ type: 'write', ...body(data), ...about });
const GOOD = update({ title: 'good' });

test.each<[string, object, string]>([
  ['a validator', update({ title: 'invalid' }), 'invalid'],
  ['a permission', update({ title: 'forbidden' }), 'forbidden'],
  ['`if`', update({ title: 'x' }, { if: { title: 'two' } }), 'conflict'],
  ['the row that is not there', update({ title: 'x' }, { pk: 2 }), 'not_found'],
  [
    'a view that is not the writer’s',
    { type: 'write', stream: 'posts', action: 'create', data: { title: 'x' }, params: { blogId: 2 } },
    'forbidden',
  ],
  ['the app, as `busy`', { type: 'write', stream: 'posts', action: 'delete', pk: 1 }, 'busy'],
  ['a batch’s own', { type: 'batch', writes: [body({ title: 'x' }), body({ title: 'invalid' })] }, 'invalid'],
  ['a command’s schema', { type: 'call', stream: 'once', input: 'invalid' }, 'invalid'],
  ['a command’s `allow`', { type: 'call', stream: 'once', input: 'forbidden' }, 'forbidden'],
  ['a command', { type: 'call', stream: 'once', input: 'x' }, 'rate_limited'],
  ['a failure of the server', { type: 'call', stream: 'once', input: 'throws' }, 'internal'],
])('what was refused by %s stays refused under its id, and is free to be done under another', async (_by, frame, code) => {
  const { w, now, appears } = await served();
  await using _ = w;
  const viewer = await w.viewer('/');
  viewer.send({ ...frame, id: 1 });
  expect(await viewer.answer(1)).toMatchObject({ ok: false, code });
  now.open = true;
  if (code === 'conflict') {
    viewer.send({ ...update({ title: 'two' }), id: 2 });
    expect(await viewer.answer(2)).toMatchObject({ ok: true });
  }
  await appears();
  await w.live.settled();
  viewer.send({ ...frame, id: 1 });
  expect(await viewer.answer(1)).toMatchObject({ ok: false, code });
  viewer.send({ ...frame, id: 3 });
  expect(await viewer.answer(3)).toMatchObject({ ok: true });
  viewer.send({ ...GOOD, id: 1 });
  expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'key_reused' });
});

test.each<[string, object, string]>([
  ['a frame that is none', { ...GOOD, action: 'upsert' }, 'bad_frame'],
  ['a batch that is too long', { type: 'batch', writes: Array.from({ length: 101 }, () => body({ title: 'x' })) }, 'too_large'],
  ['a stream that is not there', { ...GOOD, stream: 'nothing' }, 'unknown_stream'],
  ['a stream that takes messages', { ...GOOD, stream: 'chat' }, 'unknown_stream'],
  ['a stream that takes no writes', { ...GOOD, stream: 'still' }, 'read_only'],
  ['a field that is none', update({ colour: 'red' }), 'unknown_field'],
  ['a value of another kind', update({ title: 1 }), 'invalid'],
  ['a key of another kind', update({ title: 'x' }, { pk: 'one' }), 'invalid'],
  ['an update of nothing', update({}), 'invalid'],
  ['an `if` of something else', update({ title: 'x' }, { if: { secret: 1 } }), 'unknown_field'],
])('%s leaves its id free', async (_what, frame, code) => {
  const { w } = await served();
  await using _ = w;
  const viewer = await w.viewer('/');
  viewer.send({ ...frame, id: 1 });
  expect(await viewer.answer(1)).toMatchObject({ ok: false, code });
  viewer.send({ ...GOOD, id: 1 });
  expect(await viewer.answer(1)).toMatchObject({ ok: true, pk: 1 });
});

describe.each(databases)('on $name', ({ open }) => {
  test('the permissions of a batch have the time of one together: beyond it nothing is done, `busy`, and its id is free', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title) VALUES (1, 'one'), (1, 'two'), (1, 'three')");
    const ms = { takes: 150 };
    const posts = bindingFor()(database.models.post, {
      fields: ['title'],
      groupNames: () => ['all'],
      hasPermission: async () => {
        if (ms.takes > 0) await new Promise((resolve) => setTimeout(resolve, ms.takes));
        return true;
      },
    });
    await using w = await world({ source: database.source, bindings: { posts } });
    w.live.endpoint('/', { connectionGroups: () => ['all'], limits: { hookMs: 200 } });
    const viewer = await w.viewer('/');
    const batch = {
      type: 'batch',
      id: 1,
      writes: [1, 2, 3].map((pk) => ({ stream: 'posts', action: 'update', pk, data: { title: 'x' } })),
    };
    viewer.send(batch);
    expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'busy' });
    expect((await database.all('SELECT title FROM post ORDER BY id')).map((row) => row['title'])).toEqual(['one', 'two', 'three']);
    ms.takes = 0;
    viewer.send(batch);
    expect(await viewer.answer(1)).toMatchObject({ ok: true, pks: [1, 2, 3] });
  });
});
