import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { board, changed, posted, type Board } from '../../test/support/board.ts';
import { liveQuery } from './live-query.ts';

let the: Board;
beforeAll(async () => void (the = await board()));
afterAll(() => the[Symbol.asyncDispose]());
let blogs = 0;

/** A query that follows the posts of a blog of its own. */
async function watched(...titles: readonly string[]) {
  const blogId = ++blogs;
  const pks: number[] = [];
  for (const title of titles) pks.push(await posted(the.other, { blogId, title }));
  const asking = the.asking();
  const queries = new QueryClient({ defaultOptions: { queries: { gcTime: 0 } } });
  const options = liveQuery(['posts', blogId], () => asking.client.stream('posts', { blogId }));
  const observer = new QueryObserver(queries, options);
  const off = observer.subscribe(() => undefined);
  const shown = (): readonly string[] | undefined => observer.getCurrentResult().data?.map(({ title }) => title);
  return { ...asking, queries, options, observer, off, shown, blogId, pks: pks as [number] };
}

test('a query has the rows of a stream, and what becomes of them, without being fetched again', async () => {
  const { observer, shown, blogId, pks, asked } = await watched('a');
  await expect.poll(shown).toEqual(['a']);
  const before = observer.getCurrentResult().data?.[0];
  await posted(the.other, { blogId, title: 'b' });
  await expect.poll(shown).toEqual(['a', 'b']);
  expect(observer.getCurrentResult().data?.[0]).toBe(before);
  await changed(the.other, blogId, pks[0], { title: 'c' });
  await expect.poll(shown).toEqual(['c', 'b']);
  expect([observer.getCurrentResult().isStale, asked()]).toEqual([false, 1]);
});

test('a change of this page shows at once, and is taken back where it is refused', async () => {
  const { client, shown, blogId, pks } = await watched('a');
  await expect.poll(shown).toEqual(['a']);
  const posts = client.stream('posts', { blogId });
  const seen: unknown[] = [];
  const answer = posts.update(pks[0], { title: 'forbidden' });
  seen.push(shown());
  expect(await answer).toMatchObject({ ok: false, code: 'forbidden' });
  expect([...seen, shown()]).toEqual([['forbidden'], ['a']]);
});

test('all who watch a query share one view; it is left when the query leaves the cache, and asked for again with the next', async () => {
  const { queries, options, off, shown, asked, held } = await watched('a');
  const offs = [off, new QueryObserver(queries, options).subscribe(() => undefined)];
  await expect.poll(shown).toEqual(['a']);
  await queries.invalidateQueries({ queryKey: options.queryKey });
  expect([asked(), held()]).toEqual([1, 1]);
  for (const each of offs) each();
  await expect.poll(held).toBe(0);
  const again = new QueryObserver(queries, options);
  again.subscribe(() => undefined);
  await expect.poll(() => again.getCurrentResult().data?.length).toBe(1);
  expect([asked(), held()]).toEqual([2, 1]);
  queries.clear();
});

test('a view that is refused is a query that failed', async () => {
  const { client } = the.asking();
  const queries = new QueryClient();
  await expect(queries.fetchQuery(liveQuery(['none'], () => client.stream('nothing' as 'posts')))).rejects.toThrow('refused');
  queries.clear();
});
