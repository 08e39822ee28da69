import { createCollection, createLiveQueryCollection, createTransaction, eq } from '@tanstack/db';
import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { world, type World } from '../../test/support/world.ts';
import { createClient, type Client, type ClientOptions } from '../client/index.ts';
import { drizzle } from '../drizzle/index.ts';
import { bindingFor, groupBy, type Endpoint } from '../main/index.ts';
import { rowcastCollectionOptions, sendTo, WriteRefused } from './index.ts';

const blog = sqliteTable('blog', { id: integer().primaryKey(), name: text().notNull(), posts: integer().notNull() });
const post = sqliteTable('post', {
  id: integer().primaryKey(),
  blogId: integer().notNull(),
  title: text().notNull(),
  words: integer().notNull(),
});
const seat = sqliteTable('seat', { hall: text().notNull(), row: integer().notNull(), taken: text() }, (columns) => [
  primaryKey({ columns: [columns.hall, columns.row] }),
]);
const counted = z.object({ title: z.string() }).transform(({ title }) => ({ title, words: title.split(' ').length }));
const binding = bindingFor<{ readonly id: string } | null>();

/** Permissions wait here while it is shut. */
class Gate {
  #open: Promise<void> = Promise.resolve();
  #waiting = 0;
  #wake: (() => void)[] = [];

  shut(): () => void {
    let open = (): void => undefined;
    this.#open = new Promise((resolve) => (open = resolve));
    return open;
  }

  async pass(): Promise<void> {
    this.#waiting++;
    for (const wake of this.#wake.splice(0)) wake();
    await this.#open;
    this.#waiting--;
  }

  async holds(count: number): Promise<void> {
    while (this.#waiting < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }
}
const gate = new Gate();

const bindings = {
  blogs: binding(drizzle(blog), { fields: ['name', 'posts'], groupNames: () => ['all'], hasPermission: () => true }),
  posts: binding(drizzle(post), {
    fields: ['blogId', 'title', 'words'],
    writable: ['title'],
    groupNames: groupBy('blogId'),
    canSubscribe: (_user, { blogId }) => blogId !== 666,
    hasPermission: async (_user, _action, _pk, { data }) => {
      if (data.title?.startsWith('slow')) await gate.pass();
      return data.title !== 'forbidden';
    },
    validate: { create: counted, update: counted },
  }),
  seats: binding(drizzle(seat), {
    fields: '__all__',
    writable: ['hall', 'row', 'taken'],
    groupNames: () => ['all'],
    hasPermission: () => true,
  }),
};
type App = Endpoint<typeof bindings>;

let the: World<typeof bindings>;
let other: Client<App>;
let blogIds = 0;
const open: { close(): void }[] = [];
beforeAll(async () => {
  the = await world({ bindings, bulk: { rows: 200 } });
  the.live.endpoint('/', { connectionGroups: () => ['all'], authenticate: () => ({ id: 'me' }) });
  other = the.live.as({ id: 'other' }, { groups: ['all'] });
});
afterAll(async () => {
  for (const client of open) client.close();
  other.close();
  await the[Symbol.asyncDispose]();
});

/** A client, the types of the frames it sent, and a way to cut it off. */
function connect(options: ClientOptions = {}) {
  const sent: string[] = [];
  const sockets: WebSocket[] = [];
  class Heard extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      sockets.push(this);
    }
    override send(frame: string): void {
      sent.push((JSON.parse(frame) as { type: string }).type);
      super.send(frame);
    }
  }
  const client = createClient<App>(the.url('/'), { linger: 0, delay: () => 1, webSocket: Heard as never, ...options });
  open.push(client);
  return { client, sent, cut: () => sockets.at(-1)?.terminate() };
}

/** A blog of the test's own, with posts, as a collection that is ready. */
async function posts(...titles: readonly string[]) {
  const blogId = ++blogIds;
  const theirs = other.stream('posts', { blogId });
  const ids: number[] = [];
  for (const title of titles) {
    const answer = await theirs.create({ title });
    if (!answer.ok) throw new Error(answer.message);
    ids.push(answer.pk as number);
  }
  const connected = connect();
  const options = rowcastCollectionOptions({ client: connected.client, stream: 'posts', params: { blogId } });
  const collection = createCollection(options);
  await collection.preload();
  return { ...connected, collection, theirs, blogId, ids: ids as [number, number] };
}

type Posts = Awaited<ReturnType<typeof posts>>['collection'];
const shown = (collection: Posts): readonly string[] => collection.toArray.map(({ title }) => title).sort();

/** Everything that is told of a collection, each with what is shown then. */
function watch(collection: Posts) {
  const told: { readonly changes: readonly string[]; readonly shown: readonly string[] }[] = [];
  collection.subscribeChanges((changes) => {
    told.push({ changes: changes.map(({ type, value }) => `${type} ${value.title}`), shown: shown(collection) });
  });
  return told;
}

describe('a collection', () => {
  test('has the rows, all at once, and is ready then; what changes there comes whole, with its position', async () => {
    const { collection, theirs, ids, blogId } = await posts('a', 'b');
    expect(collection.toArray.map(({ $key: _k, $synced: _s, $origin: _o, ...row }) => row as unknown)).toMatchObject([
      { id: ids[0], blogId, title: 'a', words: 1 },
      { id: ids[1], blogId, title: 'b', words: 1 },
    ]);
    const told = watch(collection);
    await other.batch(() => {
      void theirs.update(ids[0], { title: 'a second time' });
      void theirs.delete(ids[1]);
      void theirs.create({ title: 'c' });
    });
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]?.shown).toEqual(['a second time', 'c']);
    expect(collection._state.syncedCollectionMetadata.get('rowcast:position')).toMatch(/^[0-9a-f]{16}$/);
  });

  test('that is joined with another is a live query over two streams; a commit over both reaches both in one turn', async () => {
    const { client, collection, theirs, blogId } = await posts('a');
    const blogs = createCollection(rowcastCollectionOptions({ client, stream: 'blogs' }));
    const theirBlogs = other.stream('blogs');
    const made = await theirBlogs.create({ name: 'mine', posts: blogId });
    await blogs.preload();
    const joined = createLiveQueryCollection((q) =>
      q
        .from({ post: collection })
        .innerJoin({ blog: blogs }, ({ post: p, blog: b }) => eq(p.blogId, b.posts))
        .select(({ post: p, blog: b }) => ({ id: p.id, title: p.title, blog: b.name })),
    );
    await joined.preload();
    const pairs = (): readonly string[] => joined.toArray.map(({ title, blog: name }) => `${name}: ${title}`).sort();
    await expect.poll(pairs).toEqual(['mine: a']);
    const turns: string[] = [];
    collection.subscribeChanges(() => queueMicrotask(() => turns.push(blogs.toArray.map(({ name }) => name).join())));
    await other.batch(() => {
      void theirs.create({ title: 'b' });
      void theirBlogs.update((made as { pk: number }).pk, { name: 'ours' });
    });
    await expect.poll(pairs).toEqual(['ours: a', 'ours: b']);
    expect(turns).toEqual(['ours']);
  });

  test('whose view is refused is in error, with the reason; one that is closed leaves its view', async () => {
    const { client, sent } = connect();
    const refused = createCollection(rowcastCollectionOptions({ client, stream: 'posts', params: { blogId: 666 } }));
    await expect(refused.preload()).rejects.toMatchObject({ cause: { code: 'forbidden' } });
    const left = createCollection(rowcastCollectionOptions({ client, stream: 'posts', params: { blogId: 1 } }));
    await left.preload();
    await left.cleanup();
    await expect.poll(() => sent).toContain('unsubscribe');
  });

  test('of a key of several columns is by a text; one whose key is said wrongly says so', async () => {
    const { client } = connect();
    const key = ['hall', 'row'] as const;
    const seats = createCollection(rowcastCollectionOptions({ client, stream: 'seats', key }));
    await seats.preload();
    await seats.insert({ hall: 'A', row: 1, taken: null }).when('settled');
    await seats.update('["A","1"]', (each) => void (each.taken = 'me')).when('settled');
    expect(seats.get('["A","1"]')).toMatchObject({ hall: 'A', row: 1, taken: 'me' });
    const wrong = createCollection(rowcastCollectionOptions({ client, stream: 'seats', key: ['row', 'hall'] }));
    await expect(wrong.preload()).rejects.toThrow(/key/);
    await seats.delete('["A","1"]').when('settled');
    expect(seats.size).toBe(0);
  });
});

describe('a change', () => {
  test('shows at once, and is never gone between then and the server’s own row, which takes its place in one event', async () => {
    const { collection, blogId } = await posts();
    const told = watch(collection);
    const opened = gate.shut();
    const saved = collection.insert({ id: -1, blogId, title: 'slow and new', words: 0 });
    expect(shown(collection)).toEqual(['slow and new']);
    await gate.holds(1);
    opened();
    await saved.when('settled');
    expect(told.map(({ changes }) => changes)).toEqual([['insert slow and new'], ['delete slow and new', 'insert slow and new']]);
    for (const each of told) expect(each.shown).toEqual(['slow and new']);
    expect(collection.toArray).toMatchObject([{ blogId, words: 3 }]);
    expect(collection.has(-1)).toBe(false);
  });

  test('of a row in the making is one of the row', async () => {
    const { collection, blogId, theirs } = await posts();
    const told = watch(collection);
    const opened = gate.shut();
    const made = collection.insert({ id: -1, blogId, title: 'slow', words: 1 });
    const changed = collection.update(-1, (each) => void (each.title = 'quick'));
    await gate.holds(1);
    opened();
    await Promise.all([made.when('settled'), changed.when('settled')]);
    expect(shown(collection)).toEqual(['quick']);
    for (const each of told) expect(each.shown).toHaveLength(1);
    expect(theirs.rows).toMatchObject([{ title: 'quick' }]);
  });

  test('that is saved stays where it is while another is still on its way', async () => {
    const { collection, blogId } = await posts();
    const told = watch(collection);
    const first = collection.insert({ id: -1, blogId, title: 'first', words: 1 });
    const opened = gate.shut();
    const second = collection.insert({ id: -2, blogId, title: 'slow second', words: 1 });
    await first.when('settled');
    await gate.holds(1);
    expect(shown(collection)).toEqual(['first', 'slow second']);
    opened();
    await second.when('settled');
    expect(shown(collection)).toEqual(['first', 'slow second']);
    for (const each of told.slice(1)) expect(each.shown).toEqual(['first', 'slow second']);
    expect(collection.has(-1) || collection.has(-2)).toBe(false);
  });

  test('of a row, and its end, are seen when they are done: what else the server made of it too', async () => {
    const { collection, ids } = await posts('a', 'b');
    const told = watch(collection);
    await collection.update(ids[0], (each) => void (each.title = 'three words now')).when('settled');
    expect(collection.get(ids[0])).toMatchObject({ title: 'three words now', words: 3 });
    await collection.delete(ids[1]).when('settled');
    expect(collection.has(ids[1])).toBe(false);
    expect(told.map((each) => each.shown)).not.toContainEqual(['a', 'b']);
  });

  test('that is refused fails with the answer, and is taken back', async () => {
    const { collection, ids, blogId } = await posts('a');
    const told = watch(collection);
    const refused = await collection
      .update(ids[0], (each) => void (each.title = 'forbidden'))
      .when('settled')
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(WriteRefused);
    expect((refused as WriteRefused).answer).toMatchObject({ ok: false, code: 'forbidden' });
    await expect(collection.insert({ id: -1, blogId, title: 'forbidden', words: 1 }).when('settled')).rejects.toBeInstanceOf(WriteRefused);
    await expect(collection.update(ids[0], (each) => void (each.words = 9)).when('settled')).rejects.toMatchObject({
      answer: { code: 'unknown_field' },
    });
    expect(collection.toArray).toMatchObject([{ id: ids[0], title: 'a', words: 1 }]);
    expect(told.map((each) => each.shown)).toEqual([['forbidden'], ['a'], ['a', 'forbidden'], ['a'], ['a'], ['a']]);
  });

  test('of several rows is one batch: all of it or nothing', async () => {
    const { collection, ids, sent } = await posts('a', 'b');
    await collection.update([...ids], (each) => each.forEach((one) => void (one.title += '!'))).when('settled');
    expect(shown(collection)).toEqual(['a!', 'b!']);
    expect(sent.filter((type) => type === 'batch' || type === 'write')).toEqual(['batch']);
    const titles = ['c', 'forbidden'];
    const failed = collection.update([...ids], (each) => each.forEach((one, at) => void (one.title = titles[at] as string)));
    await expect(failed.when('settled')).rejects.toMatchObject({ answer: { at: 1 } });
    expect(shown(collection)).toEqual(['a!', 'b!']);
  });

  test('of several collections, in a transaction of the app’s, is one batch too', async () => {
    const { client, collection, blogId, ids, sent } = await posts('a');
    const blogs = createCollection(rowcastCollectionOptions({ client, stream: 'blogs' }));
    await blogs.preload();
    const both = createTransaction({ mutationFn: sendTo(client) });
    both.mutate(() => {
      blogs.insert({ id: -1, name: 'new', posts: blogId });
      collection.update(ids[0], (each) => void (each.title = 'b'));
    });
    await both.when('settled');
    expect([blogs.toArray.some(({ name, id }) => name === 'new' && id > 0), shown(collection)]).toEqual([true, ['b']]);
    expect(sent.filter((type) => type === 'batch' || type === 'write')).toEqual(['batch']);
    const neither = createTransaction({ mutationFn: sendTo(client) });
    neither.mutate(() => {
      blogs.insert({ id: -1, name: 'never', posts: blogId });
      collection.update(ids[0], (each) => void (each.title = 'forbidden'));
    });
    await expect(neither.when('settled')).rejects.toBeInstanceOf(WriteRefused);
    expect([blogs.toArray.some(({ name }) => name === 'never'), shown(collection)]).toEqual([false, ['b']]);
  });

  test('that this page shows by other means shows here as well, and goes as it goes there', async () => {
    const { client, collection, blogId, ids } = await posts('a');
    const handle = client.stream('posts', { blogId });
    const opened = gate.shut();
    const answer = handle.update(ids[0], { title: 'slow' });
    expect(shown(collection)).toEqual(['slow']);
    opened();
    await answer;
    const refused = handle.update(ids[0], { title: 'forbidden' });
    expect(shown(collection)).toEqual(['forbidden']);
    await refused;
    expect(shown(collection)).toEqual(['slow']);
  });
});

describe('without a flash', () => {
  test('a connection that is lost and comes back: what changed meanwhile, nothing else', async () => {
    const { collection, theirs, cut } = await posts('a', 'b');
    const told = watch(collection);
    cut();
    await theirs.create({ title: 'c' });
    await expect.poll(() => shown(collection)).toEqual(['a', 'b', 'c']);
    expect(told.map(({ changes }) => changes)).toEqual([['insert c']]);
    expect(collection.status).toBe('ready');
  });

  test('a change made while there is no connection: there until it is saved, and after', async () => {
    const { collection, blogId, cut, client } = await posts('a');
    const told = watch(collection);
    const lost = new Promise((resolve) => client.on('status', resolve));
    cut();
    await lost;
    const saved = collection.insert({ id: -1, blogId, title: 'b', words: 1 });
    await saved.when('settled');
    for (const each of told) expect(each.shown).toEqual(['a', 'b']);
  });

  test('rows that are read again, for they were too many to be told: what differs', async () => {
    const { collection, theirs, blogId } = await posts('a');
    const told = watch(collection);
    const rows = Array.from({ length: 300 }, (_, at) => ({
      before: null,
      after: { id: 10_000 + blogId * 1_000 + at, blogId, title: 'many', words: 1 },
    }));
    await the.live.publish(bindings.posts, rows);
    await expect.poll(() => collection.size).toBe(301);
    for (const each of told) expect(each.shown).toContain('a');
    expect(told.flatMap(({ changes }) => changes).filter((change) => !change.startsWith('insert many'))).toEqual([]);
    theirs.close();
  });

  test('rows of before, while there is no server yet: ready with them', async () => {
    const { client, blogId, ids } = await posts('a');
    const snapshot = await client.snapshot([['posts', { blogId }]]);
    const late = createClient<App>('ws://127.0.0.1:9/', { snapshot, delay: () => 60_000, webSocket: WebSocket as never });
    open.push(late);
    const collection = createCollection(rowcastCollectionOptions({ client: late, stream: 'posts', params: { blogId } }));
    await collection.preload();
    expect(collection.get(ids[0])).toMatchObject({ title: 'a' });
  });
});
