import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventSocket } from '../../src/client/events.ts';
import type { SocketLike } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, consumer, groupBy, rowcast, type Live } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
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

/** What a socket was told, and who waits for it. */
class Ear {
  readonly socket: SocketLike;
  readonly frames: ServerFrame[] = [];
  opened = false;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #read = 0;
  #wake = (): void => undefined;

  constructor(socket: SocketLike) {
    this.socket = socket;
    socket.onopen = () => (this.opened = true);
    socket.onmessage = ({ data }) => {
      this.frames.push(JSON.parse(data as string) as ServerFrame);
      this.#wake();
    };
    let closings = 0;
    this.closed = new Promise((resolve) => {
      socket.onclose = (event) => {
        if (closings++ > 0) throw new Error('a socket closes once');
        resolve(event);
      };
    });
  }

  async next<T extends ServerFrame['type']>(type: T): Promise<Extract<ServerFrame, { type: T }>> {
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++] as ServerFrame;
        if (frame.type === type) return frame as Extract<ServerFrame, { type: T }>;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  say(...frames: readonly object[]): void {
    for (const frame of frames) this.socket.send(JSON.stringify(frame));
  }
}

let live: Live<{ posts: typeof posts }>;
let http: Server;
let url: string;
/** What the chat was told, in order. */
let chat: unknown[];
/** Every post that came: how many frames, and whose it was. */
let posted: { readonly frames: number; readonly authorization: string | undefined }[];
let left: Promise<void>;
/** In place of the door, where a test needs another. */
let instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
const ears: Ear[] = [];
const valid = new Set<string>();

beforeEach(async () => {
  chat = [];
  posted = [];
  instead = null;
  valid.clear();
  valid.add('of-ann');
  let leave = (): void => undefined;
  left = new Promise((resolve) => (leave = resolve));
  live = await rowcast({ source: memory(), bindings: { posts }, log: new Notes() });
  live.endpoint('/binding/', {
    consumers: { posts, chat: consumer<User>({ receive: (payload) => void chat.push(payload), disconnect: () => leave() }) },
    limits: { frameBytes: 32_768, framesPerSecond: 10_000, burst: 10_000 },
    authenticate: ({ headers }) => {
      const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1];
      return token !== undefined && valid.has(token) ? { id: 'ann' } : null;
    },
    refresh: (token) => (valid.has(token) ? { id: 'ann' } : null),
  });
  http = createServer((request, response) => {
    if (instead?.(request, response)) return;
    if (request.method === 'POST') {
      const of = { frames: 0, authorization: request.headers.authorization };
      posted.push(of);
      request.on('data', (part: Buffer) => (of.frames += String(part).split('\n').length));
      request.pause();
    }
    if (!live.handle(request, response)) response.writeHead(404).end();
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/binding/`;
});

afterEach(async () => {
  for (const { socket } of ears.splice(0)) socket.close();
  await live.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

function open(token: string | null = 'of-ann', to = url): Ear {
  const ear = new Ear(eventSocket(to)(token ?? undefined, null));
  ears.push(ear);
  return ear;
}

describe('a socket of events', () => {
  test('hears and says what a WebSocket does: hello, rows, writes, answers, commits', async () => {
    await live.publish(posts, [{ before: null, after: { id: 1, blogId: 7, title: 'one' } }]);
    const ear = open('of-ann', `${url.replace('http', 'ws')}?of=the-page`);
    ear.say({ type: 'hello', client: 'the-one-client' }, { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
    expect((await ear.next('rows')).rows).toEqual([[1, { title: 'one' }]]);
    await ear.next('ready');
    ear.say({ type: 'write', id: 2, stream: 'posts', action: 'update', pk: 1, data: { title: 'zwölf — 十二' } });
    expect(await ear.next('result')).toMatchObject({ id: 2, ok: true });
    expect((await ear.next('commit')).changes).toEqual([[expect.any(Number), 'update', 1, { title: 'zwölf — 十二' }]]);
    expect(ear.frames[0]?.type).toBe('welcome');
    expect(ear.frames.some(({ type }) => type === 'error')).toBe(false);
  });

  test('posts in order, and what gathers while a post is on the way goes with the next', async () => {
    const ear = open();
    const payloads = Array.from({ length: 500 }, (_, at) => ({ at, fill: 'x'.repeat(at % 200) }));
    for (const payload of payloads) ear.say({ type: 'message', stream: 'chat', payload });
    ear.say({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
    await ear.next('ready');
    expect(chat).toEqual(payloads);
    expect(posted.length).toBeLessThan(10);
    expect(posted.every(({ authorization }) => authorization === 'Bearer of-ann')).toBe(true);
  });

  test('posts frame by frame where the endpoint takes less at once', async () => {
    const ear = open();
    await ear.next('welcome');
    // Three bytes each: 16,000 characters are more than the endpoint's 32,768 bytes.
    const payloads = Array.from({ length: 6 }, (_, at) => `${at}${'十'.repeat(4_000)}`);
    for (const payload of payloads) ear.say({ type: 'message', stream: 'chat', payload });
    ear.say({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
    await ear.next('ready');
    expect(chat).toEqual(payloads);
  });

  test('that says one frame too large closes with what a door says to that', async () => {
    const ear = open();
    ear.say({ type: 'message', stream: 'chat', payload: 'x'.repeat(40_000) });
    expect((await ear.closed).code).toBe(4001);
  });

  test('closes when a post fails, and nothing that was to follow is posted: who comes back asks again', async () => {
    const ear = open();
    await ear.next('welcome');
    let failed = 0;
    instead = ({ method }, response) => method === 'POST' && (failed++, response.writeHead(502).end(), true);
    ear.say({ type: 'message', stream: 'chat', payload: 1 });
    ear.say({ type: 'message', stream: 'chat', payload: 2 });
    expect((await ear.closed).code).toBe(1006);
    ear.say({ type: 'message', stream: 'chat', payload: 3 });
    await left;
    expect([failed, chat]).toEqual([1, []]);
  });

  test('closes when its session is gone', async () => {
    const ear = open();
    await ear.next('welcome');
    instead = (request) => {
      if (request.method === 'POST') request.headers['rowcast-session'] = 'another';
      return false;
    };
    ear.say({ type: 'message', stream: 'chat', payload: 1 });
    expect((await ear.closed).code).toBe(1006);
  });

  test('closes for credentials where a post is not let in any more, and goes on with newer ones that it was given in time', async () => {
    const ear = open();
    await ear.next('welcome');
    valid.add('newer');
    ear.say({ type: 'refresh', id: 1, token: 'newer' });
    await ear.next('refreshed');
    valid.delete('of-ann');
    ear.say({ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 7 } });
    await ear.next('ready');
    expect(posted.at(-1)?.authorization).toBe('Bearer newer');
    valid.clear();
    ear.say({ type: 'unsubscribe', view: 1 });
    expect((await ear.closed).code).toBe(4100);
  });

  test('tells the code and the reason that the server closes with', async () => {
    const ear = open();
    await ear.next('welcome');
    await live.drain(10);
    expect(await ear.closed).toMatchObject({ code: 4300, reason: expect.any(String) as string });
  });

  test('that is closed ends its session, says so once, later, and is heard no more', async () => {
    const ear = open();
    await ear.next('welcome');
    let later = false;
    ear.socket.close(4000, 'enough');
    ear.socket.close();
    queueMicrotask(() => (later = true));
    expect(later).toBe(false);
    expect(await ear.closed).toEqual({ code: 4000, reason: 'enough' });
    await left;
  });

  test('that is closed before it is open never opens', async () => {
    const ear = open();
    ear.socket.close();
    expect((await ear.closed).code).toBe(1000);
    expect(ear.opened).toBe(false);
  });

  test.each<readonly [string, number, (response: ServerResponse) => void]>([
    ['nobody', 4100, (response) => response.writeHead(401).end()],
    ['a foreign origin', 1006, (response) => response.writeHead(403).end()],
    ['a full endpoint', 1006, (response) => response.writeHead(503).end()],
    ['no endpoint', 1006, (response) => response.writeHead(404).end()],
    ['a page to sign in to the network', 1006, (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome')],
    ['an answer to nothing', 1006, (response) => response.writeHead(204).end()],
    ['a stream that ends', 1006, (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end()],
    ['a line that is cut', 1006, (response) => response.destroy()],
  ])('that meets %s closes with %i', async (what, code, answer) => {
    instead = (_request, response) => (answer(response), true);
    const ear = open();
    expect((await ear.closed).code).toBe(code);
    expect(ear.opened).toBe(what === 'a stream that ends');
  });

  test('without a token closes for credentials where one is asked for', async () => {
    expect((await open(null).closed).code).toBe(4100);
  });

  test('where nobody listens closes, and throws at nobody', async () => {
    const ear = open('of-ann', 'http://127.0.0.1:9/binding/');
    expect((await ear.closed).code).toBe(1006);
    expect((await open('no header holds \n this').closed).code).toBe(1006);
  });

  test.each([
    ['\n', 1],
    ['\r\n', 1],
    ['\n', 1_000],
  ])('understands events whose lines end in %j, in pieces of %i bytes', async (end, size) => {
    const welcome = { type: 'welcome', session: 'ö十🙂\u2028\u2029' };
    const lines = [
      `data: ${JSON.stringify(welcome)}`,
      '',
      ': nothing',
      '',
      'id:7',
      '',
      'data:{"type":"ping","more":"data: x"}',
      '',
      'event: close',
      'data: {"code":4201,"reason":"old"}',
      '',
      'data:{"type":"late"}',
      '',
      '',
    ];
    const bytes = Buffer.from(lines.join(end));
    instead = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      void (async () => {
        for (let at = 0; at < bytes.length; at += size) {
          response.write(bytes.subarray(at, at + size));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      return true;
    };
    const ear = open();
    expect(await ear.closed).toEqual({ code: 4201, reason: 'old' });
    expect(ear.frames).toEqual([welcome, { type: 'ping', more: 'data: x' }]);
  });
});
