import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { board, changed, once, posted, type Board } from '../../test/support/board.ts';
import { liveConnection, liveRow, liveStream } from './index.ts';

let the: Board;
let blogs = 0;
/** A blog of the test's own, with a post in it. */
async function blog(title = 'one'): Promise<{ readonly blogId: number; readonly pk: number }> {
  const blogId = ++blogs;
  return { blogId, pk: await posted(the.other, { blogId, title }) };
}
beforeAll(async () => {
  the = await board();
});
afterAll(() => the[Symbol.asyncDispose]());

describe('a live store', () => {
  test('asks for nothing when it is looked at; the first who subscribes joins the view and the last leaves it', async () => {
    const { blogId } = await blog();
    const { client, asked, held } = the.asking();
    const posts = liveStream(client, 'posts', { blogId });
    expect(posts.getSnapshot()).toMatchObject({ rows: [], status: 'idle' });
    await client.call('nothing' as never, {} as never); // a round trip
    expect(asked()).toBe(0);
    const offs = [posts.subscribe(() => undefined), posts.subscribe(() => undefined)];
    expect((await once(posts, ({ status }) => status === 'live')).rows).toMatchObject([{ title: 'one' }]);
    offs[0]?.();
    offs[0]?.();
    expect([asked(), held()]).toEqual([1, 1]);
    offs[1]?.();
    expect(held()).toBe(0);
  });

  test('is one view with every other that means the same, however its params are written', async () => {
    const { blogId } = await blog();
    const { client, asked } = the.asking();
    const stores = [
      liveStream(client, 'posts', { blogId }),
      liveStream(client, 'posts', { blogId }),
      liveRow(client, 'posts', 1, { blogId }),
    ];
    expect(stores[0]?.key).toBe(stores[1]?.key);
    expect(stores[0]?.key).not.toBe(liveStream(client, 'posts', { blogId: blogId + 1 }).key);
    for (const each of stores) each.subscribe(() => undefined);
    await once(liveStream(client, 'posts', { blogId }), ({ status }) => status === 'live');
    expect(asked()).toBe(1);
  });

  test('shows the same object until something changes, and the same methods after that', async () => {
    const { blogId, pk } = await blog();
    const { client } = the.asking();
    const posts = liveStream(client, 'posts', { blogId });
    const off = posts.subscribe(() => undefined);
    const before = await once(posts, ({ status }) => status === 'live');
    expect(posts.getSnapshot()).toBe(before);
    await changed(the.other, blogId, pk, { title: 'two' });
    const after = await once(posts, ({ rows }) => rows[0]?.title === 'two');
    expect(after).not.toBe(before);
    const methods = ({ create, update, delete: gone, pk: key, row, optimistic }: typeof before) => [
      create,
      update,
      gone,
      key,
      row,
      optimistic,
    ];
    expect(methods(after)).toEqual(methods(before));
    expect(before.rows).toMatchObject([{ title: 'one' }]);
    expect(after.pk(after.rows[0] as never)).toBe(pk);
    expect(after.row(pk)).toBe(after.rows[0]);
    off();
    expect(posts.getSnapshot()).toMatchObject({ rows: [], status: 'idle' });
  });

  test('of a row tells of that row alone', async () => {
    const { blogId, pk } = await blog('mine');
    const other = await posted(the.other, { blogId, title: 'not mine' });
    const { client } = the.asking();
    const [row, posts] = [liveRow(client, 'posts', pk, { blogId }), liveStream(client, 'posts', { blogId })];
    const seen: unknown[] = [];
    row.subscribe(() => seen.push(row.getSnapshot()?.title));
    posts.subscribe(() => undefined);
    await once(posts, ({ status }) => status === 'live');
    await changed(the.other, blogId, other, { title: 'another' });
    await once(posts, ({ rows }) => rows.some(({ title }) => title === 'another'));
    expect(seen).toEqual(['mine']);
    await changed(the.other, blogId, pk, { title: 'changed' });
    await once(row, (shown) => shown?.title === 'changed');
    expect(seen).toEqual(['mine', 'changed']);
  });

  test('writes where nobody is subscribed, and keeps nothing open for it', async () => {
    const { blogId, pk } = await blog();
    const { client, held } = the.asking();
    const posts = liveStream(client, 'posts', { blogId });
    expect(await posts.getSnapshot().update(pk, { title: 'written' })).toEqual({ ok: true, pk });
    expect(held()).toBe(0);
    expect(await posts.getSnapshot().create({ title: 'made' }, { pk: 'named' })).toMatchObject({ ok: true }); // the connection is open by now
    expect(held()).toBe(0);
    posts.subscribe(() => undefined);
    const { rows, row } = await once(posts, ({ status }) => status === 'live');
    expect(rows).toMatchObject([{ title: 'written' }, { title: 'made' }]);
    expect(row('named')).toMatchObject({ title: 'made' });
  });

  test.each([null, 'skip'] as const)('with params %j asks for nothing, and says so to who writes', async (params) => {
    const { client, asked } = the.asking();
    const stores = [
      liveStream(client, 'posts', params),
      liveRow(client, 'posts', 1, params),
      liveRow(client, 'posts', null, { blogId: 1 }),
    ];
    for (const each of stores) each.subscribe(() => undefined);
    const nothing = liveStream(client, 'posts', params).getSnapshot();
    expect(nothing).toMatchObject({ rows: [], status: 'idle' });
    expect(nothing.row(1)).toBeUndefined();
    expect(() => nothing.update(1, { title: 'x' })).toThrow(/nothing is asked for/);
    await client.call('nothing' as never, {} as never);
    expect(asked()).toBe(0);
  });

  test('of a list of params is stable too: nobody who looks again is given another', async () => {
    const [one, two] = [await blog('a'), await blog('b')];
    const { client } = the.asking({ linger: 60_000 });
    const both = liveStream(client, 'posts', { blogId: [one.blogId, two.blogId] });
    const shown = await once(both, ({ status }) => status === 'live');
    expect(shown.rows).toMatchObject([{ title: 'a' }, { title: 'b' }]);
    expect(both.getSnapshot()).toBe(both.getSnapshot()); // nobody is subscribed any more, and the views linger
    const again = both.subscribe(() => undefined);
    expect(both.getSnapshot()).toBe(both.getSnapshot());
    again();
  });

  test('of the connection says how it is, and what has no answer yet', async () => {
    const { blogId, pk } = await blog();
    const { client } = the.asking();
    const connection = liveConnection(client);
    expect(connection.getSnapshot()).toBe(connection.getSnapshot());
    await once(connection, ({ status }) => status === 'open');
    const told: number[] = [];
    const off = connection.subscribe(() => told.push(connection.getSnapshot().pending.length));
    await liveStream(client, 'posts', { blogId }).getSnapshot().update(pk, { title: 'x' });
    expect(told).toContain(1);
    expect(connection.getSnapshot()).toEqual({ status: 'open', pending: [] });
    off();
  });
});
