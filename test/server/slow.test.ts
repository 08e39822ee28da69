import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// What becomes of a view while its connection cannot take what there is for it.

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor<{ id: string }>()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
const row = (id: number, blogId = 7, title = `t${id}`) => ({ id, blogId, title });
const create = (...rows: ReturnType<typeof row>[]) => rows.map((after) => ({ before: null, after }));
const FULL = 300_000;

async function served() {
  const w = await world({ bindings: { posts } });
  w.live.endpoint('/', { authenticate: () => ({ id: 'ann' }) });
  return w;
}

const told = (hand: ByHand) => hand.of('commit').flatMap(({ changes }) => changes.map(([view, action, pk]) => [view, action, pk]));

test('a view that is gone on from while the connection is behind is told what it missed once the connection can take it', async () => {
  await using w = await served();
  const before = await ByHand.open(w.live);
  before.ask('posts', { params: { blogId: 7 } });
  const { position, token } = await before.until('ready');
  await before.gone();
  await w.live.publish(posts, create(row(1), row(2)));
  await w.live.settled();
  const after = await ByHand.open(w.live);
  after.waiting = FULL;
  after.ask('posts', { params: { blogId: 8 } });
  const eight = (await after.until('subscribed')).view;
  await w.live.publish(posts, create(row(3, 8))); // whatever is written now: the socket is full
  await w.live.settled();
  after.ask('posts', { params: { blogId: 7 }, at: position, token });
  const { view } = await after.until('subscribed', 2);
  await turns(10);
  await w.live.publish(posts, create(row(4), row(5, 8)));
  await w.live.settled();
  after.waiting = 0;
  await after.until('ready', 2);
  await w.live.publish(posts, create(row(6), row(7, 8)));
  await w.live.settled();
  await turns(10);
  const seven = told(after).filter(([of]) => of === view);
  expect(seven.map(([, action, pk]) => `${action} ${pk}`)).toEqual(['create 1', 'create 2', 'create 4', 'create 6']);
  const rows = after.of('rows').flatMap((frame) => (frame.view === eight ? frame.rows.map(([pk]) => pk) : []));
  const others = told(after).filter(([of]) => of === eight);
  expect([...rows, ...others.map(([, , pk]) => pk)].sort()).toEqual([3, 5, 7]);
});
