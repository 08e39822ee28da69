import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { memoryLedger } from '../../src/memory/index.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// What fails in one place is not felt in another, and is said.

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor<{ id: string }>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
const row = (id: number) => ({ id, blogId: 7, title: `t${id}` });
const create = (id: number) => [{ before: null, after: row(id) }];

test('a door of the app’s own that fails to close keeps nobody else from what follows', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: (request) => ({ id: new URL(request.url).searchParams.get('as') ?? 'ann' }) });
  const broken = {
    close: () => {
      throw new Error('on purpose');
    },
  };
  const [ann, bob] = [await ByHand.open(w.live, '/?as=ann', broken), await ByHand.open(w.live, '/?as=bob')];
  for (const each of [ann, bob]) {
    each.ask('posts', { params: { blogId: 7 } });
    await each.until('ready');
  }
  await w.live.revoke({ user: 'ann' });
  await w.live.publish(posts, create(1));
  await bob.until('commit');
  expect(ann.of('commit')).toEqual([]);
  expect(w.notes.count('a door failed')).toBe(1);
});

test('a server whose ledger failed says so, lets nobody in, and keeps nobody waiting', async () => {
  let fail = false;
  await using w = await world({
    bindings: { posts },
    ledger: (start, options) => {
      const ledger = memoryLedger(start, options);
      return {
        floor: () => ledger.floor(),
        tail: () => ledger.tail(),
        lead: () => ledger.lead(),
        append: (entries, term) => ledger.append(entries, term),
        async *follow(after, signal) {
          for await (const entries of ledger.follow(after, signal)) {
            if (fail) throw new Error('on purpose');
            yield entries;
          }
        },
      };
    },
  });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }) });
  const ann = await ByHand.open(w.live);
  fail = true;
  await w.live.publish(posts, create(1));
  await w.notes.holds('Rowcast has stopped');
  await turns();
  expect(ann.closed).toBe(4300);
  await expect(ByHand.open(w.live)).rejects.toThrow('503');
  await expect(w.live.settled()).rejects.toMatchObject({ code: 'closed' });
  await expect(w.live.revoke({ user: 'ann' })).rejects.toMatchObject({ code: 'closed' });
});

test('whose view was read again after a function failed on another’s row misses nothing, however often it fails on that', async () => {
  const picky = bindingFor<{ id: string }>()(drizzle(post), {
    fields: ['title'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => true,
    serialize: ({ title }) => {
      if (title === 'bad') throw new Error('on purpose');
      return { title };
    },
  });
  await using w = await world({ bindings: { picky } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }) });
  const ann = await ByHand.open(w.live);
  ann.ask('picky', { params: { blogId: 7 } });
  await ann.until('ready');
  const bad = { id: 100, blogId: 8, title: 'bad' };
  await w.live.publish(picky, [{ before: null, after: bad }]);
  await ann.until('ready', 2);
  await w.live.publish(picky, [{ before: bad, after: bad }, ...create(1)]);
  await ann.until('ready', 3);
  expect(ann.of('rows').at(-1)?.rows).toEqual([[1, { title: 't1' }]]);
  await w.live.publish(picky, create(2));
  await ann.until('commit');
  expect(ann.of('reset').map(({ reason }) => reason)).toEqual(['serializer', 'serializer']);
  expect(w.notes.count('a hook failed')).toBe(1);
});
