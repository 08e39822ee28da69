import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, consumer, groupBy, type ConsumerContext } from '../../src/main/index.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// Groups that the app puts a connection into and takes it out of again, while views of them are asked for.

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => false });
const seven = posts.group({ blogId: 7 });
const create = (id: number) => [{ before: null, after: { id, blogId: 7, title: 'CANARY' } }];

async function joined() {
  const w = await world({ bindings: { posts } });
  let context: ConsumerContext<unknown> | undefined;
  const room = consumer({
    connect(given) {
      context = given;
      given.groups.add(seven);
    },
    receive(_content, { groups, reply }) {
      groups.discard(seven);
      groups.add(seven);
      reply('done');
    },
  });
  w.live.endpoint('/', { consumers: { posts, room } });
  const hand = await ByHand.open(w.live);
  if (!context) throw new Error('nobody came');
  const { groups } = context;
  return Object.assign(w, { hand, groups });
}

test.each(Array.from({ length: 24 }, (_, turns) => turns))(
  'a group that is taken away %i moments after a view of it was asked for opens no view',
  async (turns) => {
    await using w = await joined();
    w.hand.ask('posts', { params: { blogId: 7 } });
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    w.groups.discard(seven);
    await new Promise((resolve) => setImmediate(resolve));
    await w.live.publish(posts, create(1));
    await w.live.settled();
    expect(JSON.stringify(w.hand.frames)).not.toContain('CANARY');
  },
);

test('a group that is left and joined again at once keeps its view', async () => {
  await using w = await joined();
  w.hand.ask('posts', { params: { blogId: 7 } });
  await w.hand.until('ready');
  w.hand.send({ type: 'message', stream: 'room', payload: 1 });
  await w.hand.until('message');
  await w.live.publish(posts, create(1));
  await w.live.settled();
  expect(w.hand.of('dropped')).toEqual([]);
  expect(JSON.stringify(w.hand.frames)).toContain('CANARY');
});
