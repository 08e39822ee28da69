import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { createClient, type ClientOptions } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, rowcast, consumer } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { listening } from './served.ts';

const post = sqliteTable('post', {
  id: integer('id').primaryKey(),
  blogId: integer('blog_id').notNull(),
  title: text('title').notNull(),
  at: integer('at', { mode: 'timestamp_ms' }),
  notes: text('notes'),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

async function served() {
  const binding = bindingFor<{ readonly id: string }>();
  const posts = binding(drizzle(post), {
    fields: ['id', 'blogId', 'title', 'at'],
    writable: ['title', 'at'],
    groupNames: groupBy('blogId'),
    canSubscribe: (_user, { blogId }) => blogId < 100,
    hasPermission: () => true,
  });
  const live = await rowcast({ source: memory(), bindings: { posts } });
  cleanups.push(() => live.close());
  const echo = consumer({ receive: (content, { reply }) => reply({ echo: content }) });
  const app = live.endpoint('/binding/', {
    consumers: { posts, echo },
    authenticate: () => ({ id: 'ann' }),
    connectionGroups: () => [posts.group({ blogId: 1 })],
  });
  const http = createServer();
  const sockets = new Set<Socket>();
  http.on('connection', (socket) => sockets.add(socket));
  live.attach(http);
  http.listen(0, '127.0.0.1');
  cleanups.push(() => http.close());
  const url = `ws://127.0.0.1:${await listening(http)}/binding/`;
  const connect = (options: ClientOptions = {}) => {
    const client = createClient<typeof app>(url, { delay: () => 5, ...options });
    cleanups.push(() => client.close());
    return client;
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return { live, url, connect, cut };
}

/** The next of an event. */
const next = <E, T>(stream: { on(event: E, handler: (value: T) => void): () => void }, event: E): Promise<T> =>
  new Promise((resolve) => {
    const off = stream.on(event, (value) => {
      off();
      resolve(value);
    });
  });

describe.each<readonly [string, ClientOptions]>([
  ["the platform's WebSocket", {}],
  ['ws', { webSocket: Ws }],
])('the client by %s and the server', (_name, options) => {
  test('agree about rows, values, refusals and messages', async () => {
    const { connect } = await served();
    const client = connect(options);
    const mine = client.stream('posts');
    const seven = client.stream('posts', { blogId: 7 });
    await next(seven, 'ready');
    const at = new Date('2026-11-23T12:34:56.789Z');
    // What is shown meanwhile is the client's own.
    const came = new Promise((resolve) => seven.on('commit', ({ changes, local }) => !local && resolve(changes)));
    const heard: unknown[] = [];
    mine.on('change', (change) => heard.push(change));
    const answer = await seven.create({ title: 'T', at });
    expect(answer).toEqual({ ok: true, pk: 1 });
    const created = await came;
    expect(created).toMatchObject([{ pk: 1, data: { id: 1, blogId: 7, title: 'T', at } }]);
    const gone = next(seven, 'delete');
    expect(await seven.update(1, { title: 'T2' })).toEqual({ ok: true, pk: 1 });
    expect(await seven.delete(1)).toEqual({ ok: true, pk: 1 });
    expect(await gone).toEqual({ action: 'delete', pk: 1, data: null });
    expect(await seven.delete(1)).toMatchObject({ ok: false, code: 'not_found' });
    expect(await seven.update(1, { notes: 'x' } as object)).toMatchObject({
      ok: false,
      code: 'unknown_field',
      fields: { notes: expect.any(String) as string },
    });
    expect(await seven.create({ title: { ['__proto__']: 1, deep: JSON.parse('{"__proto__":1}') as object } as never })).toMatchObject({
      ok: false,
      code: 'bad_frame',
    });
    expect(heard).toEqual([]);
    const refused = next(client.stream('posts', { blogId: 100 }), 'error');
    expect(await refused).toEqual({ code: 'forbidden', message: expect.any(String) as string, stream: 'posts' });
    const echo = client.stream('echo');
    echo.send({ big: 1n });
    expect(await next(echo, 'message')).toEqual({ echo: { big: '1' } });
  });

  test('apply every write once, and answer it, though the connection is lost again and again', async () => {
    const { live, connect, cut } = await served();
    const watcher = live.as({ id: 'bob' });
    const seen = new Map<string, number>();
    const watched = watcher.stream('posts', { blogId: 1 });
    watched.on('create', ({ data }) => seen.set(data.title, (seen.get(data.title) ?? 0) + 1));
    await next(watched, 'ready');
    const client = connect(options);
    let lost = 0;
    client.on('status', (status) => (lost += status === 'waiting' ? 1 : 0));
    const posts = client.stream('posts', { blogId: 1 });
    const timer = setInterval(cut, 15);
    const titles = Array.from({ length: 150 }, (_, at) => `post ${at}`);
    const answers = [];
    for (const title of titles) {
      answers.push(posts.create({ title }));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    setTimeout(() => clearInterval(timer), 400);
    const pks = (await Promise.all(answers)).map((answer) => answer.ok && answer.pk);
    clearInterval(timer);
    await live.settled();
    expect(lost).toBeGreaterThan(3);
    expect(new Set(pks).size).toBe(titles.length);
    expect(pks).not.toContain(false);
    expect([...seen]).toEqual(titles.map((title) => [title, 1]));
  });
});

test("the page's own client speaks with the server", async () => {
  const page = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
  const code = /## A client in forty lines[\s\S]*?```js\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const { connect } = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as {
    connect(
      url: string,
      stream: string,
      changed: (change: { action: string; pk: unknown; data?: object }) => void,
    ): {
      update(pk: unknown, data: object): Promise<object>;
      close(): void;
    };
  };
  const { live, url } = await served();
  const inside = live.as({ id: 'bob' }, { groups: [] });
  const blog = inside.stream('posts', { blogId: 1 });
  await next(blog, 'ready');
  const changes: object[] = [];
  let arrived = (): void => undefined;
  const plain = connect(url, 'posts', (change) => {
    changes.push(change);
    arrived();
  });
  cleanups.push(() => plain.close());
  // Its first answer says that it is connected.
  expect(await plain.update(1, { title: 'x' })).toMatchObject({ ok: false, code: 'not_found' });
  const came = new Promise<void>((resolve) => {
    arrived = () => void (changes.length === 2 && resolve());
  });
  const made = await blog.create({ title: 'T' });
  expect(made.ok).toBe(true);
  expect(await plain.update(made.ok && made.pk, { title: 'U' })).toMatchObject({ ok: true });
  await came;
  expect(changes).toEqual([
    { action: 'create', pk: 1, data: { id: 1, blogId: 1, title: 'T', at: null } },
    { action: 'update', pk: 1, data: { id: 1, blogId: 1, title: 'U', at: null } },
  ]);
});
