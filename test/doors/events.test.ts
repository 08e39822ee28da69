import { once } from 'node:events';
import { createServer, get, request as ask, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { bindingFor, consumer, groupBy, rowcast, type Live, type RowcastOptions } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { HandClock, turns } from '../support/clock.ts';
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
  /** As they came, those without data as well. */
  readonly blocks: string[] = [];
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
    this.blocks.push(...blocks);
    for (const block of blocks) {
      const lines = block.split('\n').filter((line) => !line.startsWith(':'));
      const of = (name: string): string | null => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1) ?? null;
      this.lastId = of('id') ?? this.lastId;
      const data = of('data');
      if (data === null) continue;
      this.all.push({ id: this.lastId, event: of('event') ?? 'message', data: JSON.parse(data) as Event['data'] });
    }
    this.#wake();
  }
}

let live: Live<{ posts: typeof posts }>;
let http: Server;
let url: string;
const notes = new Notes();
/** Answers when the test says so. */
let answer = (): void => undefined;
const hangs = consumer<User>({ receive: () => new Promise<void>((resolve) => (answer = resolve)) });

async function serve(options: Partial<RowcastOptions> = {}): Promise<void> {
  live = await rowcast({ ...options, source: memory(), bindings: { posts }, log: notes });
  live.endpoint('/binding/', {
    consumers: { posts, hangs },
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
}

async function stop(): Promise<void> {
  await live.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

beforeEach(() => serve());
afterEach(stop);

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
  await turns();
  expect(stream.lastId).toContain(ready.position);
  const frames = ['mine', 'yours'].map((title, at) =>
    JSON.stringify({ type: 'write', id: 10 + at, stream: 'posts', action: 'update', pk: 1, data: { title } }),
  );
  expect(await send(session as string, frames.join('\n'))).toBe(202);
  expect(await stream.next('result')).toMatchObject({ id: 10, ok: true });
  expect(await stream.next('commit')).toMatchObject({ changes: [[expect.any(Number), 'update', 1, { title: 'mine' }]] });
  expect(await stream.next('result')).toMatchObject({ id: 11, ok: true });
  const commit = await stream.next('commit');
  await turns();
  expect(stream.lastId).toContain(commit.position);
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
  ['no Origin, a cookie, and a header that no page of another site may set unasked', { cookie: 'a=b', 'rowcast-session': '' }, 200],
  [
    'the same, from a browser that says it is another site’s page',
    { cookie: 'a=b', 'rowcast-session': '', 'sec-fetch-site': 'cross-site' },
    403,
  ],
  [
    'a page of another site that asks for what it may not read: with no cookie, and whoever else the browser says it is',
    { 'sec-fetch-site': 'cross-site' },
    403,
  ],
  ['a page of a neighbour', { authorization: 'Basic YTpi', 'sec-fetch-site': 'same-site' }, 403],
  ['a page of another site', { origin: 'https://evil.example', cookie: 'a=b' }, 403],
  ['a page on the list', { origin: 'https://app.example', cookie: 'a=b' }, 200],
  ['nobody', { 'x-user': 'nobody' }, 401],
  ['nobody, of a page on the list, which may read why', { origin: 'https://app.example', 'x-user': 'nobody' }, 401],
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

const asking = (...asked: unknown[]): string => `subscribe=${encodeURIComponent(JSON.stringify(asked))}`;

test('wherever a stream is cut, who comes back has every view whole: what it was not sent whole is sent again', async () => {
  const blogs = [7, 8];
  const both = `${url}?${asking(...blogs.map((blogId) => ({ stream: 'posts', params: { blogId } })))}`;
  await live.publish(
    posts,
    Array.from({ length: 1_000 }, (_, at) => ({ before: null, after: { ...row(at + 10, 'x'.repeat(100)), blogId: 8 } })),
  );
  let id = 2_000;
  /** What a page would have after these events, by what it asked for. */
  const take = (had: Map<string, unknown>[], events: Events['blocks']): { rows: Map<string, unknown>[]; place: string | null } => {
    const views: (number | undefined)[] = [];
    const rows = had.map((each) => new Map(each));
    const aside: (Map<string, unknown> | undefined)[] = [];
    let place: string | null = null;
    for (const block of events) {
      place = /^id:(.*)$/m.exec(block)?.[1] ?? place;
      const data = /^data:(.*)$/m.exec(block)?.[1];
      if (data === undefined || block.startsWith('event:')) continue;
      const frame = JSON.parse(data) as ServerFrame;
      const at = (view: number): number => views.indexOf(view);
      if (frame.type === 'subscribed') views[frame.id - 1] = frame.view;
      else if (frame.type === 'reset') for (const view of frame.views) aside[at(view)] = new Map();
      else if (frame.type === 'rows') {
        const of = (aside[at(frame.view)] ??= new Map<string, unknown>());
        for (const [pk, data] of frame.rows) of.set(String(pk), data);
      } else if (frame.type === 'commit') {
        for (const [view, action, pk, data] of frame.changes) {
          const of = aside[at(view)] ?? (rows[at(view)] as Map<string, unknown>);
          if (action === 'delete') of.delete(String(pk));
          else of.set(String(pk), data);
        }
      } else if (frame.type === 'ready') {
        const of = at(frame.view);
        rows[of] = aside[of] ?? (rows[of] as Map<string, unknown>);
        aside[of] = undefined;
      }
    }
    return { rows, place };
  };
  for (let cut = 1, all = 2; cut < all; cut++) {
    const first = await Events.open(both);
    for (const _ of blogs) await first.next('ready');
    for (const blogId of blogs) await live.publish(posts, [{ before: null, after: { ...row(++id), blogId } }]);
    await first.next('commit');
    await first.next('commit');
    await turns();
    first.response.destroy();
    all = first.blocks.length;
    const had = take([new Map(), new Map()], first.blocks.slice(0, cut));
    for (const blogId of blogs) await live.publish(posts, [{ before: null, after: { ...row(++id), blogId } }]);
    await live.settled();
    const second = await Events.open(both, had.place === null ? {} : { 'last-event-id': had.place });
    for (const _ of blogs) await second.next('ready');
    const { rows } = take(had.rows, second.blocks);
    second.response.destroy();
    expect([cut, ...rows.map(({ size }) => size)]).toEqual([cut, 1 + cut * 2, 1_000 + cut * 2]);
  }
});

test('a client that comes back before it was missed ends the session it had, and goes on from there', async () => {
  const first = await Events.open(`${url}?${wanted}`);
  await first.next('ready');
  await turns();
  const second = await Events.open(`${url}?${wanted}`, { 'last-event-id': first.lastId as string });
  await second.next('ready');
  expect(second.all.some(({ data }) => data.type === 'rows')).toBe(false);
  expect(await first.next('close')).toMatchObject({ code: 4200 });
  second.response.destroy();
});

test.each(['[null]', '[{}]', '[{"stream":7}]', '[{"stream":"posts","params":null}]', '[{"stream":"posts","params":"x"}]', '{}'])(
  'what is no list of views is refused before there is a session: %s',
  async (text) => {
    const { response } = await Events.open(`${url}?client=somebody-1&subscribe=${encodeURIComponent(text)}`);
    expect(response.statusCode).toBe(400);
    response.destroy();
  },
);

test('what is posted is not read before there is room for it', async () => {
  const stream = await Events.open(url);
  const { session } = await stream.next('welcome');
  const frame = JSON.stringify({ type: 'message', stream: 'hangs', payload: 'x'.repeat(60_000) });
  const statuses: number[] = [];
  for (let post = 0; post < 40; post++) void send(session as string, frame).then((status) => statuses.push(status));
  while (statuses.length < 17) await turns(1);
  await turns(50);
  expect(statuses).toHaveLength(17); // the one that is worked on, and those that may wait
  for (let taken = 0; statuses.length < 40; taken++) {
    answer();
    await turns(2);
  }
  expect(new Set(statuses)).toEqual(new Set([202]));
  stream.response.destroy();
  await turns(20);
  answer();
});

test('posts are worked on in the order they came, though one between them is refused', async () => {
  const stream = await Events.open(url);
  const { session } = (await stream.next('welcome')) as { session: string };
  const write = (id: number): string =>
    JSON.stringify({ type: 'write', id, stream: 'posts', action: 'update', pk: 1, data: { title: `t${id}` } });
  const slow = ask(url, { method: 'POST', headers: { 'rowcast-session': session }, agent: false });
  slow.write(write(10).slice(0, 5));
  expect(await send(session, write(11), { 'x-user': 'nobody' })).toBe(401);
  const last = send(session, write(12));
  expect(await send(session, write(13), { 'x-user': 'nobody' })).toBe(401); // by now the one before it has come
  slow.end(write(10).slice(5));
  expect(await last).toBe(202);
  const results = [await stream.next('result'), await stream.next('result')];
  expect(results.map(({ id }) => id)).toEqual([10, 12]);
  stream.response.destroy();
});

test('a server that closes says so; a session that has ended is not kept for who does not read', async () => {
  await stop();
  const clock = new HandClock();
  await serve({ clock });
  const large = Array.from({ length: 300 }, (_, at) => ({ before: null, after: row(at + 2, 'x'.repeat(65_536)) }));
  await live.publish(posts, large);
  const connections = promisify(http.getConnections.bind(http));
  const stream = await Events.open(url);
  const deaf = await Events.open(`${url}?${wanted}`, { 'x-user': 'bob' });
  deaf.response.pause();
  await stream.next('welcome');
  await turns(50); // as much as goes into the socket
  await live.revoke({ user: 'bob' });
  await turns(50);
  expect(await connections()).toBe(2);
  await clock.pass(5_000);
  expect(await connections()).toBe(1);
  const closing = live.close();
  expect(await stream.next('close')).toMatchObject({ code: 4300 });
  await closing;
});
