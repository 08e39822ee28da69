import { once } from 'node:events';
import { createServer, get, request as ask, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, rowcast, type Live } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { Notes } from '../support/world.ts';

interface User {
  readonly id: string;
}
const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor<User>()(drizzle(post), {
  fields: ['title'],
  groupNames: groupBy('blogId'),
  canSubscribe: () => true,
  hasPermission: () => true,
});
const row = (id: number, title = `t${id}`) => ({ id, blogId: 7, title });

interface Event {
  readonly id: string | null;
  readonly event: string;
  readonly data: { readonly type?: string } & Record<string, unknown>;
}

/** One stream of events, read as the specification says. */
class Events {
  readonly all: Event[] = [];
  readonly response: IncomingMessage;
  lastId: string | null = null;
  ended = false;
  #text = '';
  #read = 0;
  #wake = (): void => undefined;

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (part: string) => this.#take(part));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.ended = true;
      this.#wake();
    });
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Events> {
    const [response] = (await once(get(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    return new Events(response);
  }

  async next(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      while (this.#read < this.all.length) {
        const { data, event } = this.all[this.#read++] as Event;
        if (data.type === type || event === type) return data;
      }
      if (this.ended) throw new Error('the stream ended before what was waited for');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #take(part: string): void {
    const blocks = (this.#text + part).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n').filter((line) => !line.startsWith(':'));
      const of = (name: string): string | null => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1) ?? null;
      const data = of('data');
      if (data === null) continue;
      this.lastId = of('id') ?? this.lastId;
      this.all.push({ id: of('id'), event: of('event') ?? 'message', data: JSON.parse(data) as Event['data'] });
    }
    this.#wake();
  }
}

let live: Live<{ posts: typeof posts }>;
let http: Server;
let url: string;
const notes = new Notes();

beforeEach(async () => {
  live = await rowcast({ source: memory(), bindings: { posts }, log: notes });
  live.endpoint('/binding/', {
    authenticate: ({ headers }) => (headers.get('x-user') === 'nobody' ? null : { id: headers.get('x-user') ?? 'ann' }),
    origins: ['https://app.example'],
  });
  http = createServer((request, response) => {
    if (!live.handle(request, response)) response.writeHead(418).end('the app');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/binding/`;
  await live.publish(posts, [{ before: null, after: row(1) }]);
});

afterEach(async () => {
  await live.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

const wanted = `subscribe=${encodeURIComponent(JSON.stringify([{ stream: 'posts', params: { blogId: 7 } }]))}`;

async function send(session: string, body: string, headers: Record<string, string> = {}): Promise<number> {
  const asked = ask(url, { method: 'POST', headers: { 'rowcast-session': session, ...headers }, agent: false });
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode as number;
}

test('frames come down as events and go up by post: rows, changes, writes and answers as everywhere', async () => {
  const stream = await Events.open(url);
  expect(stream.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  const { session } = await stream.next('welcome');
  expect(await send(session as string, JSON.stringify({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } }))).toBe(202);
  expect((await stream.next('rows')).rows).toEqual([[1, { title: 't1' }]]);
  const ready = await stream.next('ready');
  expect(stream.lastId).toBe(ready.position);
  const frames = ['mine', 'yours'].map((title, at) =>
    JSON.stringify({ type: 'write', id: 10 + at, stream: 'posts', action: 'update', pk: 1, data: { title } }),
  );
  expect(await send(session as string, frames.join('\n'))).toBe(202);
  expect(await stream.next('result')).toMatchObject({ id: 10, ok: true });
  expect(await stream.next('commit')).toMatchObject({ changes: [[expect.any(Number), 'update', 1, { title: 'mine' }]] });
  expect(await stream.next('result')).toMatchObject({ id: 11, ok: true });
  const commit = await stream.next('commit');
  expect(stream.lastId).toBe(commit.position);
  stream.response.destroy();
});

test('a plain EventSource asks by its query, and comes back by Last-Event-ID to what it missed', async () => {
  const first = await Events.open(`${url}?${wanted}&client=the-one-client`);
  await first.next('ready');
  const at = first.lastId as string;
  first.response.destroy();
  await once(first.response, 'close');
  await live.publish(posts, [{ before: null, after: row(2) }]);
  await live.settled();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await Events.open(`${url}?${wanted}&client=the-one-client`, { 'last-event-id': at });
  expect((await second.next('commit')).changes).toEqual([[expect.any(Number), 'create', 2, { title: 't2' }]]);
  await second.next('ready');
  expect(second.all.some(({ data }) => data.type === 'rows')).toBe(false);
  // Another user of the same name, and one who was never there, get rows.
  for (const [client, user] of [
    ['the-one-client', 'bob'],
    ['another-client', 'ann'],
  ]) {
    const other = await Events.open(`${url}?${wanted}&client=${client}`, { 'last-event-id': at, 'x-user': user as string });
    expect(await other.next('reset')).toMatchObject({ reason: 'token_invalid' });
    await other.next('ready');
    const came = other.all.flatMap(({ data }) => (data.rows ?? data.changes ?? []) as readonly unknown[]);
    expect(came).toHaveLength(2);
    other.response.destroy();
  }
  second.response.destroy();
});

test('a session is posted to by who opened it, and by nobody else', async () => {
  const stream = await Events.open(url);
  const { session } = await stream.next('welcome');
  const frame = JSON.stringify({ type: 'subscribe', id: 1, stream: 'posts' });
  expect(await send(session as string, frame, { 'x-user': 'bob' })).toBe(404);
  expect(await send('no-such-session', frame)).toBe(404);
  expect(await send(session as string, frame, { 'x-user': 'nobody' })).toBe(401);
  expect(await send(session as string, frame, { origin: 'https://evil.example' })).toBe(403);
  expect(await send(session as string, 'x'.repeat(70_000))).toBe(413);
  expect(await send(session as string, 'not a frame')).toBe(202);
  expect(await stream.next('error')).toMatchObject({ code: 'bad_frame' });
  stream.response.destroy();
});

test.each<readonly [string, Record<string, string>, number]>([
  ['no Origin and no cookie: no browser', {}, 200],
  ['no Origin and a cookie: it may be any page', { cookie: 'a=b' }, 403],
  ['no Origin, a cookie, and a browser that says it is the same site’s page', { cookie: 'a=b', 'sec-fetch-site': 'same-origin' }, 200],
  ['a page of another site', { origin: 'https://evil.example', cookie: 'a=b' }, 403],
  ['a page on the list', { origin: 'https://app.example', cookie: 'a=b' }, 200],
  ['nobody', { 'x-user': 'nobody' }, 401],
])('%s', async (_what, headers, status) => {
  const { response } = await Events.open(url, headers);
  expect(response.statusCode).toBe(status);
  expect(response.headers['access-control-allow-origin']).toBe(headers.origin === 'https://app.example' ? headers.origin : undefined);
  response.destroy();
});

test('other paths, and other requests on this one, are the app’s own', async () => {
  const status = async (path: string, method: string, accept: string): Promise<number> => {
    const asked = ask(new URL(path, url), { method, headers: { accept }, agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode as number;
  };
  expect(await status('/binding/', 'GET', 'text/html')).toBe(418);
  expect(await status('/binding', 'GET', 'text/event-stream')).toBe(418);
  expect(await status('/other/', 'POST', '*/*')).toBe(418);
  expect(await status('/binding/', 'DELETE', '*/*')).toBe(418);
  expect(await status('/binding/?subscribe=nonsense', 'GET', 'text/event-stream')).toBe(400);
});

test('a server that goes down says so, and a reader that does not read is no reason to stay', async () => {
  const stream = await Events.open(`${url}?${wanted}`);
  await stream.next('ready');
  await live.drain(10);
  expect(await stream.next('going')).toMatchObject({ retryMs: expect.any(Number) });
  expect(await stream.next('close')).toMatchObject({ code: 4300 });
  const late = await Events.open(url);
  expect(late.response.statusCode).toBe(503);
});
