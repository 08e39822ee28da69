import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { Holder } from '../support/holder.ts';
import { world } from '../support/world.ts';

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor()(drizzle(post), { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
type Post = typeof post.$inferSelect;
const create = (...rows: Post[]) => rows.map((after) => ({ before: null, after }));

test('a view that is gone on from while the connection is behind is told what it missed, once the connection is not', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/');
  const holder = new Holder(await w.viewer('/', { attends: false }));
  const { viewer } = holder;
  /** So many times 64 KiB in the other view. */
  let id = 1_000;
  const flood = async (times: number): Promise<void> => {
    for (let left = times; left > 0; left--) await w.live.publish(posts, create({ id: ++id, blogId: 7, title: 'x'.repeat(65_536) }));
    await w.live.settled();
  };
  const lastMark = (): number => Math.max(...viewer.frames.map((frame) => (frame.type === 'ping' ? (frame.mark ?? 0) : 0)));

  await holder.hold('posts', { blogId: 7 });
  const had = await holder.hold('posts', { blogId: 8 });
  const [, view = 0] = [...holder.views.keys()];
  viewer.send({ type: 'unsubscribe', view });
  await flood(5);
  await holder.until(() => lastMark() > 0);
  viewer.send({ type: 'at', mark: lastMark() }); // from here on it is held to what it reports
  await viewer.caughtUp();
  await w.live.publish(posts, create({ id: 1, blogId: 8, title: 'missed' }));
  await flood(20);

  const back = holder.hold('posts', { blogId: 8 }, had);
  await holder.until(() => viewer.frames.filter(({ type }) => type === 'subscribed').length === 3);
  viewer.send({ type: 'at', mark: lastMark() });
  const has = await back;
  expect(Object.fromEntries(has.rows)).toEqual({ 1: { title: 'missed' } });
  expect(has.resets).toEqual([]);
});
