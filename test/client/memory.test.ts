import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { WebSocket } from 'ws';
import { expect, test } from 'vitest';
import { createClient, type Client } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { world } from '../support/world.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const post = pgTable('post', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  blogId: integer('blog_id').notNull(),
  title: text('title').notNull(),
});
const posts = bindingFor()(drizzle(post), {
  fields: ['title'],
  groupNames: groupBy('blogId'),
  canSubscribe: () => true,
  hasPermission: () => true,
});

/** One view of its own: looked at, written into, left. Gives what is to be gone then. */
async function round(client: Client, blogId: number): Promise<readonly WeakRef<object>[]> {
  const stream = client.stream('posts', { blogId });
  stream.on('current', () => stream.rows);
  expect(await stream.create({ title: `of ${blogId}` })).toMatchObject({ ok: true });
  while (stream.rows.length === 0 || stream.status !== 'live') {
    await new Promise<void>((resolve) => {
      const stop = stream.on('current', () => (stop(), resolve()));
    });
  }
  const refs = [stream, stream.rows, stream.rows[0] as object, stream.current].map((each) => new WeakRef(each));
  stream.close();
  return refs;
}

test('a thousand views that were looked at, written into and left leave nothing', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { limits: { framesPerSecond: 100_000, burst: 100_000 } });
  const client = createClient(w.url('/'), { webSocket: WebSocket, linger: 0 });
  const refs: WeakRef<object>[] = [];
  for (let blogId = 1; blogId <= 1_000; blogId++) refs.push(...(await round(client, blogId)));
  const alive = (): number => refs.filter((ref) => ref.deref()).length;
  // What the last rounds left on a stack may stay a while; what is held, stays for ever.
  await expect
    .poll(
      () => {
        collect();
        return alive();
      },
      { timeout: 10_000 },
    )
    .toBeLessThan(40);
  expect(client.pending).toEqual([]);
  client.close();
});
