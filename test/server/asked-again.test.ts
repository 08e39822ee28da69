import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { z } from 'zod';
import { bindingFor, command, groupBy } from '../../src/main/index.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// A write is asked for again by a client that never heard the answer: what has become different meanwhile is not what is answered.

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });

async function served() {
  const now = { theirs: true, broken: false, taken: false };
  const posts = bindingFor<{ id: string }>()(drizzle(post), {
    fields: ['title'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => now.theirs,
    hasPermission: () => true,
    validate: { create: z.object({ title: z.string().refine(() => !now.taken, 'is taken') }) },
    stamp: () => {
      if (now.broken) throw new Error('on purpose');
      return {};
    },
  });
  const w = await world({ bindings: { posts } });
  const once = command({ input: z.string().refine(() => !now.taken, 'is taken'), allow: () => true, run: (_tx, name) => name });
  w.live.endpoint('/', { consumers: { posts, once }, authenticate: () => ({ id: 'ann' }) });
  return { w, now };
}

/** A connection of the same page. */
async function page(live: Parameters<typeof ByHand.open>[0]): Promise<ByHand> {
  const made = await ByHand.open(live);
  made.send({ type: 'hello', client: 'the-page-of-ann' });
  return made;
}

const params = { blogId: 7 };
const write = (id: number) => ({ type: 'write', id, stream: 'posts', action: 'create', data: { title: `of ${id}` }, params });

async function done(live: Parameters<typeof ByHand.open>[0]): Promise<void> {
  const first = await page(live);
  first.ask('posts', { params });
  await first.until('ready');
  first.send(write(11));
  expect(await first.until('result')).toMatchObject({ id: 11, ok: true, pk: 1 });
  await first.gone();
}

test('a write that was done is answered so, though its view is not the writer’s any more; one that was not is refused', async () => {
  const { w, now } = await served();
  await using _ = w;
  await done(w.live);
  const again = await page(w.live);
  now.theirs = false;
  again.send(write(11));
  expect(await again.until('result')).toMatchObject({ id: 11, ok: true, pk: 1 });
  again.send(write(12));
  expect(await again.until('result', 2)).toMatchObject({ id: 12, ok: false, code: 'forbidden' });
});

test('a write that was done is answered so, though the app fails on it now; one that was not has failed, and stays undone', async () => {
  const { w, now } = await served();
  await using _ = w;
  await done(w.live);
  const again = await page(w.live);
  again.ask('posts', { params });
  await again.until('ready');
  now.broken = true;
  again.send(write(11));
  expect(await again.until('result')).toMatchObject({ id: 11, ok: true, pk: 1 });
  again.send(write(12));
  expect(await again.until('result', 2)).toMatchObject({ id: 12, ok: false, code: 'internal' });
  now.broken = false;
  again.send(write(12));
  expect(await again.until('result', 3)).toMatchObject({ id: 12, ok: false, code: 'internal' });
});

test.each<[string, object, object]>([
  ['a write', write(11), { pk: 1 }],
  ['a batch', { type: 'batch', id: 11, writes: [{ stream: 'posts', action: 'create', data: { title: 'b' }, params }] }, { pks: [1] }],
  ['a call', { type: 'call', id: 11, stream: 'once', input: 'c' }, { value: 'c' }],
])('%s that was done is answered so, though a schema that looks at what is there would not have it twice', async (_what, frame, answer) => {
  const { w, now } = await served();
  await using _ = w;
  const first = await page(w.live);
  first.send(frame);
  expect(await first.until('result')).toMatchObject({ id: 11, ok: true, ...answer });
  await first.gone();
  now.taken = true;
  const again = await page(w.live);
  again.send(frame);
  expect(await again.until('result')).toMatchObject({ id: 11, ok: true, ...answer });
  again.send({ ...frame, id: 12 });
  const refused = await again.until('result', 2);
  expect(refused).toMatchObject({ id: 12, ok: false, code: 'invalid', message: expect.stringContaining('is taken') as string });
  expect(refused).toMatchObject('writes' in frame ? { at: 0 } : {});
});
