import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, type Database, type Rows } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { HandClock, turns } from '../support/clock.ts';
import { Holder } from '../support/holder.ts';
import { world } from '../support/world.ts';

const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text(), secret: text() });
const model = drizzle(post);
type Post = typeof post.$inferSelect;
const binding = bindingFor<{ id: string }>();
const posts = binding(model, { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
const all = binding(model, { fields: ['title'], groupNames: ({ title }) => (title === 'hidden' ? [] : ['all']) });
const row = (id: number, values: Partial<Post> = {}): Post => ({ id, blogId: 7, title: `t${id}`, secret: 'CANARY', ...values });
const create = (...rows: Post[]) => rows.map((after) => ({ before: null, after }));

/** Counts how often rows are read. */
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

test('the rows of a view come first, projected and of its groups alone, then every change of them', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/');
  await w.live.publish(posts, create(row(1), row(2), row(3, { blogId: 8 })));
  const holder = new Holder(await w.viewer('/', { attends: false }));
  const view = await holder.hold('posts', { blogId: 7 });
  expect([...view.rows]).toEqual([
    ['1', { title: 't1' }],
    ['2', { title: 't2' }],
  ]);
  await w.live.publish(posts, [{ before: row(1), after: row(1, { blogId: 8 }) }, ...create(row(4))]);
  await w.live.settled();
  await holder.until(() => view.rows.has('4'));
  expect([...view.rows.keys()]).toEqual(['2', '4']);
  expect(holder.viewer.texts.join()).not.toContain('CANARY');
});

test('pages say how many came and how many there are, and a view without rows is ready at once', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/');
  await w.live.publish(posts, create(...Array.from({ length: 2_500 }, (_, at) => row(at + 1, { title: 'x'.repeat(100) }))));
  const holder = new Holder(await w.viewer('/', { attends: false }));
  expect((await holder.hold('posts', { blogId: 7 })).rows.size).toBe(2_500);
  const pages = holder.viewer.frames.filter((frame) => frame.type === 'rows');
  expect(pages.length).toBeGreaterThan(3);
  expect(pages.map(({ count }) => count)).toEqual([...pages.map(({ count }) => count)].sort((a, b) => a - b));
  expect(pages.at(-1)).toMatchObject({ count: 2_500, total: 2_500 });
  for (const text of holder.viewer.texts) expect(text.length).toBeLessThan(130_000);
  expect((await holder.hold('posts', { blogId: 99 })).rows.size).toBe(0);
});

test('nothing comes on a view that was not asked for', async () => {
  await using w = await world({ bindings: { all } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/', { attends: false });
  await viewer.next('welcome');
  await w.live.publish(all, create(row(1)));
  await w.live.settled();
  await viewer.caughtUp();
  expect(viewer.frames.map(({ type }) => type)).toEqual(['welcome']);
});

test('who comes together is read for once, whatever happens meanwhile, and each has what the others have', async () => {
  const source = counted();
  await using w = await world({ source, bindings: { posts } });
  w.live.endpoint('/');
  await w.live.publish(posts, create(...Array.from({ length: 500 }, (_, at) => row(at + 1))));
  const holders = await Promise.all(Array.from({ length: 40 }, async () => new Holder(await w.viewer('/', { attends: false }))));
  const held = holders.map((holder) => holder.hold('posts', { blogId: 7 }));
  for (let id = 501; id <= 600; id++) await w.live.publish(posts, [...create(row(id)), { before: row(id - 500), after: null }]);
  await w.live.settled();
  for (const [at, view] of (await Promise.all(held)).entries()) {
    await holders[at]?.until(() => view.rows.has('600'));
    expect(view.rows.size).toBe(500);
    expect(view.rows.has('100')).toBe(false);
  }
  expect(source.readings).toBeLessThanOrEqual(2);
});

test('a table is not read whole for a few of its rows: the refusal names the cure', async () => {
  await using w = await world({ bindings: { all, posts } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  await w.live.publish(all, create(...Array.from({ length: 10_001 }, (_, at) => row(at + 1))));
  const viewer = await w.viewer('/', { attends: false });
  viewer.send({ type: 'subscribe', id: 1, stream: 'all' });
  expect(await viewer.next('dropped')).toMatchObject({ code: 'too_large', message: expect.stringContaining('groupBy') });
  const holder = new Holder(viewer);
  expect((await holder.hold('posts', { blogId: 7 })).rows.size).toBe(10_001); // that one knows where its rows are
});

test('while developing, a row that groupNames puts into a group and where does not find is an error that names it', async () => {
  const stray = binding(
    { ...model, condition: (where) => ({ sql: String((where as { sql: string }).sql), params: [] }) },
    { fields: ['title'], groupNames: () => ['all'], where: () => ({ sql: 'id <> 2' }) },
  );
  const source = memory();
  const half: Database = {
    ...source,
    async open(...args) {
      const opened = await source.open(...args);
      const rows: Rows = {
        async read(table, selection, options) {
          const { snapshot, pages } = await opened.rows.read(table, selection, options);
          if (selection.by !== 'condition') return { snapshot, pages };
          const found = async function* () {
            for await (const page of pages) yield { ...page, rows: page.rows.filter(([id]) => id !== 2) };
          };
          return { snapshot, pages: found() };
        },
      };
      return { ...opened, rows };
    },
  };
  await using w = await world({ source: half, bindings: { stray } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  await w.live.publish(stray as never, create(row(1), row(2), row(3)) as never);
  const viewer = await w.viewer('/', { attends: false });
  viewer.send({ type: 'subscribe', id: 1, stream: 'stray' });
  await w.notes.holds('leaves out the row 2');
  expect(await viewer.next('dropped')).toMatchObject({ code: 'internal' });
  expect(viewer.frames.some(({ type }) => type === 'rows')).toBe(false);
});

test('one commit that is too much for a view is read again by that view alone', async () => {
  await using w = await world({ bindings: { posts }, bulk: { rows: 10 } });
  w.live.endpoint('/');
  const holder = new Holder(await w.viewer('/', { attends: false }));
  const [seven, eight] = [await holder.hold('posts', { blogId: 7 }), await holder.hold('posts', { blogId: 8 })];
  await w.live.publish(posts, [...create(...Array.from({ length: 11 }, (_, at) => row(at + 1))), ...create(row(50, { blogId: 8 }))]);
  await holder.until(() => seven.rows.size === 11 && eight.rows.size === 1);
  expect([seven.resets, eight.resets]).toEqual([['bulk'], []]);
});

test('a commit over 64 KiB comes in parts that are one', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/');
  const holder = new Holder(await w.viewer('/', { attends: false }));
  const view = await holder.hold('posts', { blogId: 7 });
  await w.live.publish(posts, create(...Array.from({ length: 100 }, (_, at) => row(at + 1, { title: 'y'.repeat(5_000) }))));
  await holder.until(() => view.rows.size === 100);
  const parts = holder.viewer.frames.filter((frame) => frame.type === 'commit');
  expect(parts.length).toBeGreaterThan(5);
  expect(parts.map(({ more }) => more === true)).toEqual([...parts.slice(1).map(() => true), false]);
  expect(view.resets).toEqual([]);
});

/** Rows and log wait for the test. */
function held() {
  const source = memory();
  const gate = {
    /** Commits that have happened and are not told yet stay untold, but for so many. */
    allowed: Number.POSITIVE_INFINITY,
    wake: (): void => undefined,
    page: (): Promise<void> => Promise.resolve(),
  };
  const holding: Database = {
    ...source,
    async open(...args) {
      const opened = await source.open(...args);
      const log = opened.source;
      return {
        ...opened,
        rows: {
          async read(...how) {
            const { snapshot, pages } = await opened.rows.read(...how);
            const slow = async function* () {
              for await (const page of pages) {
                yield page;
                await gate.page();
              }
            };
            return { snapshot, pages: slow() };
          },
        },
        source: {
          epoch: log.epoch,
          tail: () => log.tail(),
          floor: () => log.floor(),
          acknowledge: (position) => log.acknowledge(position),
          mark: (receipt) => log.mark(receipt),
          publish: (changes, receipt) => log.publish(changes, receipt),
          async *read(after, signal) {
            for await (const commits of log.read(after, signal)) {
              for (const commit of commits) {
                while (gate.allowed <= 0) await new Promise<void>((resolve) => (gate.wake = resolve));
                gate.allowed--;
                yield [commit];
              }
            }
          },
        },
      };
    },
  };
  return { source: holding, gate };
}

test('a view that loads while much is committed at once is told that as well, and need not begin anew', async () => {
  const { source, gate } = held();
  await using w = await world({ source, bindings: { posts }, bulk: { rows: 10 } });
  w.live.endpoint('/');
  await w.live.publish(posts, create(row(1)));
  let letGo = (): void => undefined;
  gate.page = () => new Promise((resolve) => (letGo = resolve));
  const holder = new Holder(await w.viewer('/', { attends: false }));
  const view = holder.hold('posts', { blogId: 7 });
  await holder.until(({ viewer }) => viewer.frames.some(({ type }) => type === 'rows'));
  for (let round = 0; round < 3; round++) {
    await w.live.publish(posts, create(...Array.from({ length: 11 }, (_, at) => row(2 + round * 11 + at))));
  }
  await w.live.settled();
  letGo();
  const { rows, resets } = await view;
  expect([rows.size, resets]).toEqual([34, []]);
});

test('rows are not shown before the log has come to their moment, though an earlier reading of them that failed was of an earlier one', async () => {
  const { source, gate } = held();
  const clock = new HandClock();
  await using w = await world({ source, bindings: { posts }, clock });
  w.live.endpoint('/');
  await w.live.settled();
  const { viewer } = new Holder(await w.viewer('/', { attends: false }));
  gate.allowed = 0;
  await w.live.publish(posts, create(row(1)));
  gate.page = () => {
    gate.page = () => Promise.resolve();
    return Promise.reject(new Error('on purpose'));
  };
  viewer.send({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
  await w.notes.holds('could not be read');
  await w.live.publish(posts, create(row(2, { title: 'later' })));
  await clock.pass(600); // it is tried again after half a second
  gate.allowed = 1;
  gate.wake();
  await turns(50);
  expect(viewer.frames.some(({ type }) => type === 'rows')).toBe(false);
  gate.allowed = 1_000;
  gate.wake();
  await viewer.next('ready');
  expect(viewer.frames.some(({ type }) => type === 'rows')).toBe(true);
});
