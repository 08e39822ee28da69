import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, type Database, type Group, type Rows } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { Holder, type Held } from '../support/holder.ts';
import { world, type World } from '../support/world.ts';

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const model = drizzle(post);
type Post = typeof post.$inferSelect;
interface User {
  readonly id: string;
}
const binding = bindingFor<User>();
const posts = binding(model, { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
const row = (id: number, title = `t${id}`, blogId = 7): Post => ({ id, blogId, title });
const create = (...rows: Post[]) => rows.map((after) => ({ before: null, after }));

function counted(source: Database = memory()): Database & { readings: number } {
  const counting = {
    ...source,
    readings: 0,
    async open(...args: Parameters<Database['open']>) {
      const opened = await source.open(...args);
      const rows: Rows = { read: (...how) => (counting.readings++, opened.rows.read(...how)) };
      return { ...opened, rows };
    },
  };
  return counting;
}

/** Who is in the query is the user. */
function endpoint(w: World<{ posts: typeof posts }>, groups: () => readonly Group[] = () => []): void {
  w.live.endpoint('/', {
    authenticate: (request) => ({ id: new URL(request.url).searchParams.get('as') ?? 'ann' }),
    connectionGroups: groups,
  });
}

async function holder(w: World<{ posts: typeof posts }>, as = 'ann'): Promise<Holder> {
  return new Holder(await w.viewer(`/?as=${as}`, { attends: false }));
}

const gone = async ({ viewer }: Holder): Promise<void> => {
  viewer.socket.terminate();
  await viewer.closed;
};

test('a client that comes back is told what it missed, commit by commit, and nothing is read', async () => {
  const source = counted();
  await using w = await world({ source, bindings: { posts } });
  endpoint(w);
  await w.live.publish(posts, create(row(1), row(2)));
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  await gone(before);
  await w.live.publish(posts, create(row(3)));
  await w.live.publish(posts, [{ before: row(1), after: row(1, 'new') }]);
  await w.live.publish(posts, [{ before: row(2), after: row(2, 't2', 8) }]);
  await w.live.settled();
  const { readings } = source;
  const after = await holder(w);
  const has = await after.hold('posts', { blogId: 7 }, had);
  expect(Object.fromEntries(has.rows)).toEqual({ 1: { title: 'new' }, 3: { title: 't3' } });
  expect(after.commits).toEqual({ plain: 3, merged: 0 });
  expect(source.readings).toBe(readings);
  expect(has.resets).toEqual([]);
  expect(has.token).toBe(had.token.replace(/.*/, has.token)); // a token is opaque; that it works again is what counts
  await gone(after);
  const again = await holder(w);
  expect((await again.hold('posts', { blogId: 7 }, has)).resets).toEqual([]);
});

test('very much that was missed comes as one commit of net changes', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  await w.live.publish(posts, create(row(1)));
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  await gone(before);
  for (let version = 0; version < 1_001; version++) {
    await w.live.publish(posts, [{ before: row(1, version === 0 ? 't1' : `v${version - 1}`), after: row(1, `v${version}`) }]);
  }
  await w.live.settled();
  const after = await holder(w);
  const has = await after.hold('posts', { blogId: 7 }, had);
  expect(after.commits).toEqual({ plain: 0, merged: 1 });
  expect([...has.rows]).toEqual([['1', { title: 'v1000' }]]);
});

test('what is not kept any more is read again, and the client is told why', async () => {
  await using w = await world({ bindings: { posts }, window: { entries: 5 } });
  endpoint(w);
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  await gone(before);
  for (let id = 1; id <= 10; id++) await w.live.publish(posts, create(row(id)));
  await w.live.settled();
  const has = await (await holder(w)).hold('posts', { blogId: 7 }, had);
  expect(has.resets).toEqual(['retention']);
  expect(has.rows.size).toBe(10);
});

test('a quiet client keeps its place by the ping', async () => {
  await using w = await world({ bindings: { posts }, window: { entries: 5 }, heartbeat: 0.05 });
  endpoint(w);
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  for (let id = 1; id <= 10; id++) await w.live.publish(posts, create(row(id, 't', 8)));
  await w.live.settled();
  await before.until(({ viewer }) => viewer.frames.filter(({ type }) => type === 'ping').length > 3);
  await gone(before);
  expect((await (await holder(w)).hold('posts', { blogId: 7 }, had)).resets).toEqual([]);
});

test.each<readonly [string, (had: Held) => Partial<Held>]>([
  ['nothing', () => ({ token: '' })],
  ['a word', () => ({ token: 'token' })],
  ['dots', () => ({ token: '..' })],
  ['a body without a signature', ({ token }) => ({ token: token.split('.')[0] as string })],
  ['a signature without a body', ({ token }) => ({ token: `.${token.split('.')[1]}` })],
  ['another body', ({ token }) => ({ token: `${Buffer.from('[]').toString('base64url')}.${token.split('.')[1]}` })],
  ['one letter of the body changed', ({ token }) => ({ token: (token[4] === 'A' ? 'B' : 'A') + token.slice(1) })],
  [
    'one letter of the signature changed',
    ({ token }) => ({ token: token.slice(0, -4) + (token.at(-4) === 'A' ? 'B' : 'A') + token.slice(-3) }),
  ],
  ['a signature cut short', ({ token }) => ({ token: token.slice(0, -3) })],
  ['the same bytes in other letters', ({ token }) => ({ token: `${token}=` })],
  ['more after it', ({ token }) => ({ token: `${token}.x` })],
  ['a position from before it was held', () => ({ position: '0000000000000000' })],
])('a token that is %s is good for nothing: rows, and why', async (_what, forged) => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  await w.live.publish(posts, create(row(1)));
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  const has = await (await holder(w)).hold('posts', { blogId: 7 }, { ...had, ...forged(had) });
  expect(has.resets).toEqual(['token_invalid']);
  expect(has.rows.size).toBe(1);
});

test('a token is for one user, one view and one binding; a position of another history is none', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  await w.live.publish(posts, create(row(1)));
  const had = await (await holder(w)).hold('posts', { blogId: 7 });
  expect((await (await holder(w, 'bob')).hold('posts', { blogId: 7 }, had)).resets).toEqual(['token_invalid']);
  expect((await (await holder(w)).hold('posts', { blogId: 8 }, had)).resets).toEqual(['permission_changed']);
  expect((await (await holder(w)).hold('posts', { blogId: 7 }, { ...had, position: 'f'.repeat(16) })).resets).toEqual(['timeline']);
  await using other = await world({ bindings: { posts } });
  endpoint(other);
  expect((await (await holder(other)).hold('posts', { blogId: 7 }, had)).resets).toEqual(['token_invalid']);
});

test('who holds other groups than then gets rows, never what happened before they were theirs', async () => {
  let groups: readonly Group[] = [posts.group({ blogId: 7 })];
  await using w = await world({ bindings: { posts } });
  endpoint(w, () => groups);
  const before = await holder(w);
  const had = await before.hold('posts', undefined);
  await gone(before);
  await w.live.publish(posts, create(row(1, 'CANARY', 8)));
  await w.live.publish(posts, [{ before: row(1, 'CANARY', 8), after: row(1, 'shown', 8) }]);
  await w.live.settled();
  groups = [posts.group({ blogId: 7 }), posts.group({ blogId: 8 })];
  const after = await holder(w);
  const has = await after.hold('posts', undefined, had);
  expect(has.resets).toEqual(['permission_changed']);
  expect([...has.rows]).toEqual([['1', { title: 'shown' }]]);
  expect(after.viewer.texts.join()).not.toContain('CANARY');
});

test('five hundred clients that were cut off together come back without a question to the database', async () => {
  const source = counted();
  await using w = await world({ source, bindings: { posts } });
  endpoint(w);
  await w.live.publish(posts, create(row(1)));
  const first = await holder(w);
  const had = await first.hold('posts', { blogId: 7 });
  await w.live.publish(posts, create(row(2)));
  await w.live.settled();
  const { readings } = source;
  const holders = await Promise.all(Array.from({ length: 500 }, () => holder(w)));
  const all = await Promise.all(holders.map((each) => each.hold('posts', { blogId: 7 }, had)));
  for (const { rows, resets } of all) expect([rows.size, resets]).toEqual([2, []]);
  expect(source.readings).toBe(readings);
});
