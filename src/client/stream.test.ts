import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { ScriptedServer, type Peer } from '../../test/support/scripted-server.ts';
import { createClient, type BindingStream, type Client, type ClientOptions, type Status } from './index.ts';
import type { StreamInfo, WireChange } from '../protocol/index.ts';
import type { AnyStream, ConsumerStream } from './types.ts';

let server: ScriptedServer;
const clients: Client[] = [];
beforeEach(async () => {
  server = await ScriptedServer.open();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server[Symbol.asyncDispose]();
});

const STREAMS: Readonly<Record<string, StreamInfo | null>> = {
  posts: {
    view: 1,
    key: ['id'],
    fields: { title: ['text', 'string'], size: ['bigint', 'bigint'], at: ['timestamptz', 'date'], raw: ['bytes', 'bytes'] },
    writable: ['title'],
  },
  intval: { view: 2, key: ['id'], fields: { name: ['text', 'string'], value: ['int', 'number'] }, writable: ['name', 'value'] },
  chat: null,
};
const AT = '0000000000000007';

function connect(options: ClientOptions = {}): Client {
  const client = createClient(server.url, { delay: () => 1, webSocket: Ws, ...options });
  clients.push(client);
  return client;
}

type Handle = BindingStream<AnyStream> & ConsumerStream;
const EVENTS = ['create', 'update', 'delete', 'change', 'commit', 'reset', 'ready', 'error', 'message'] as const;

/** Everything a handle tells, in order. */
function record(stream: Handle, log: unknown[][] = [], name?: string): unknown[][] {
  for (const event of EVENTS) stream.on(event, (value) => log.push(name === undefined ? [event, value] : [name, event, value]));
  return log;
}

const commit = (peer: Peer, ...changes: readonly WireChange[]): void => peer.say({ type: 'commit', position: AT, changes });
/** Past everything that was said until now, both ways. */
const settled = (peer: Peer): Promise<readonly unknown[]> => peer.rest();
const ofType = (log: readonly unknown[][], ...events: readonly string[]): unknown[][] =>
  log.filter(([event]) => events.includes(event as string));

describe('a stream', () => {
  test('tells each change by its action, all of them as change, and the commit after them', async () => {
    const log = record(connect().stream('intval'));
    const peer = await server.welcomed(STREAMS);
    commit(peer, [2, 'create', 1, { name: 'n', value: 0 }], [2, 'update', 2, { name: 'm', value: 1 }], [2, 'delete', 3]);
    await settled(peer);
    const [made, moved, gone] = [
      { action: 'create', pk: 1, data: { name: 'n', value: 0 } },
      { action: 'update', pk: 2, data: { name: 'm', value: 1 } },
      { action: 'delete', pk: 3, data: null },
    ];
    expect(log).toEqual([
      ['ready', undefined],
      ['create', made],
      ['change', made],
      ['update', moved],
      ['change', moved],
      ['delete', gone],
      ['change', gone],
      ['commit', [made, moved, gone]],
    ]);
  });

  test('tells a commit over several streams whole, at one stroke', async () => {
    const client = connect();
    const log: unknown[][] = [];
    record(client.stream('posts'), log, 'posts');
    record(client.stream('intval'), log, 'intval');
    const peer = await server.welcomed(STREAMS);
    let turns = 0;
    client.stream('posts').on('change', () => queueMicrotask(() => turns++));
    client.stream('intval').on('commit', () => expect(turns).toBe(0));
    await settled(peer);
    log.length = 0;
    commit(peer, [1, 'delete', 1], [2, 'delete', 2], [1, 'delete', 3]);
    await settled(peer);
    expect(
      log.filter(([, event]) => event !== 'delete').map(([stream, event, value]) => [stream, event, (value as { pk?: unknown }).pk]),
    ).toEqual([
      ['posts', 'change', 1],
      ['intval', 'change', 2],
      ['posts', 'change', 3],
      ['posts', 'commit', undefined],
      ['intval', 'commit', undefined],
    ]);
    expect(turns).toBe(2);
  });

  test('gives values as the model has them', async () => {
    const seen: Record<string, unknown>[] = [];
    const posts = connect().stream('posts');
    posts.on('create', ({ data }) => seen.push(data));
    const peer = await server.welcomed(STREAMS);
    commit(peer, [1, 'create', 1, { title: 'T', size: '9007199254740993', at: '2026-11-23T12:34:56.789012Z', raw: 'AAEC/w==' }]);
    commit(peer, [1, 'create', 2, { title: null, size: null, at: 'infinity', raw: null }]);
    await settled(peer);
    expect(seen).toEqual([
      { title: 'T', size: 9_007_199_254_740_993n, at: new Date('2026-11-23T12:34:56.789Z'), raw: new Uint8Array([0, 1, 2, 255]) },
      { title: null, size: null, at: 'infinity', raw: null },
    ]);
  });

  test('gives every handler the same row, an object like any other', async () => {
    const posts = connect().stream('posts');
    const rows: unknown[] = [];
    posts.on('change', (change) => rows.push(change.data, { ...change }.data, Object.keys(change)));
    posts.on('commit', ([change]) => rows.push(change?.data));
    const peer = await server.welcomed(STREAMS);
    commit(peer, [1, 'update', 1, { size: '1' }]);
    await settled(peer);
    expect(rows[0]).toEqual({ size: 1n });
    expect(rows[1]).toBe(rows[0]);
    expect(rows[2]).toEqual(['action', 'pk', 'data']);
    expect(rows[3]).toBe(rows[0]);
  });

  test('tells a reset with its reason, to the views it names', async () => {
    const client = connect();
    const posts = record(client.stream('posts'));
    const intval = record(client.stream('intval'));
    const peer = await server.welcomed(STREAMS);
    peer.say({ type: 'reset', position: AT, views: [1, 99], reason: 'truncate' });
    await settled(peer);
    expect(posts).toEqual([
      ['ready', undefined],
      ['reset', 'truncate'],
    ]);
    expect(intval).toEqual([['ready', undefined]]);
  });

  test('goes on when a handler throws, and the error surfaces', async () => {
    const uncaught: unknown[] = [];
    const own = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
    try {
      const intval = connect().stream('intval');
      intval.on('create', () => {
        throw new Error('of the app');
      });
      const log = record(intval);
      const peer = await server.welcomed(STREAMS);
      commit(peer, [2, 'create', 1, {}], [2, 'create', 2, {}]);
      await settled(peer);
      expect(ofType(log, 'create')).toHaveLength(2);
      expect(uncaught).toEqual([new Error('of the app'), new Error('of the app')]);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of own) process.on('uncaughtException', listener);
    }
  });

  test('is heard until its handler is taken off, or the handle is closed', async () => {
    const intval = connect().stream('intval');
    const heard: string[] = [];
    const handler = (): void => void heard.push('handler');
    const off = intval.on('create', handler);
    intval.on('create', handler);
    intval.on('create', () => intval.close());
    intval.on('commit', () => heard.push('commit'));
    const peer = await server.welcomed(STREAMS);
    off();
    off();
    commit(peer, [2, 'create', 1, {}], [2, 'create', 2, {}]);
    commit(peer, [2, 'create', 3, {}]);
    await settled(peer);
    expect(heard).toEqual(['handler']);
  });

  test.each(['gone', 'constructor', 'toString', '__proto__'])('that is not offered says so: %s', async (name) => {
    const client = connect();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const log = record(client.stream(name));
    const peer = await server.welcomed(STREAMS);
    await settled(peer);
    const complaint = { code: 'unknown_stream', message: expect.stringContaining(name) as string, stream: name };
    expect(log).toEqual([['error', complaint]]);
    expect(errors).toEqual([complaint]);
    const late = record(client.stream(name));
    await settled(peer);
    expect(late).toEqual([['error', complaint]]);
  });
});

describe('a stream with params', () => {
  test('subscribes once for all handles on the same params, in whatever order they are written', async () => {
    const client = connect();
    const one = record(client.stream('posts', { blogId: 7, on: new Date(0) }));
    const two = record(client.stream('posts', { on: new Date(0), blogId: 7 }));
    const peer = await server.welcomed(STREAMS);
    expect(await peer.rest()).toEqual([
      { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7, on: '1970-01-01T00:00:00.000Z' } },
    ]);
    expect(one).toEqual([]);
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    commit(peer, [12, 'delete', 1]);
    await settled(peer);
    expect(one.map(([event]) => event)).toEqual(['ready', 'delete', 'change', 'commit']);
    expect(two).toEqual(one);
    const three = record(client.stream('posts', { blogId: 7, on: new Date(0) }));
    expect(await peer.rest()).toEqual([]);
    expect(three).toEqual([['ready', undefined]]);
    expect(ofType(one, 'ready')).toHaveLength(1);
  });

  test('hears its own view and no other', async () => {
    const client = connect();
    const mine = record(client.stream('posts'));
    const seven = record(client.stream('posts', { blogId: 7 }));
    const eight = record(client.stream('posts', { blogId: 8 }));
    const peer = await server.welcomed(STREAMS);
    await peer.frames(2);
    peer.say({ type: 'subscribed', id: 2, view: 13, position: AT }, { type: 'subscribed', id: 1, view: 12, position: AT });
    commit(peer, [1, 'delete', 1], [12, 'delete', 2], [13, 'delete', 3]);
    await settled(peer);
    const keys = (log: readonly unknown[][]): unknown[] => ofType(log, 'delete').map(([, change]) => (change as { pk: unknown }).pk);
    expect([keys(mine), keys(seven), keys(eight)]).toEqual([[1], [2], [3]]);
  });

  test('is let go of when its last handle closes, and what still comes for it is ignored', async () => {
    const client = connect();
    const one = client.stream('posts', { blogId: 7 });
    const two = client.stream('posts', { blogId: 7 });
    const log = record(one);
    const peer = await server.welcomed(STREAMS);
    await peer.frame();
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    await settled(peer);
    one.close();
    one.close();
    expect(await peer.rest()).toEqual([]);
    two.close();
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
    commit(peer, [12, 'delete', 1]);
    await settled(peer);
    expect(log).toEqual([['ready', undefined]]);
    const again = record(client.stream('posts', { blogId: 7 }));
    expect(await peer.rest()).toEqual([{ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 7 } }]);
    commit(peer, [12, 'delete', 2]); // still of the first time
    peer.say({ type: 'subscribed', id: 2, view: 12, position: AT });
    commit(peer, [12, 'delete', 3]);
    await settled(peer);
    expect(ofType(again, 'delete')).toEqual([['delete', { action: 'delete', pk: 3, data: null }]]);
  });

  test('closed before its number came is let go of then', async () => {
    const client = connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await server.welcomed(STREAMS);
    await peer.frame();
    posts.close();
    expect(await peer.rest()).toEqual([]);
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
  });

  test('closed and asked for again before its number came is asked for once', async () => {
    const client = connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await server.welcomed(STREAMS);
    await peer.frame();
    posts.close();
    const again = record(client.stream('posts', { blogId: 7 }));
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    await settled(peer);
    commit(peer, [12, 'delete', 1]);
    expect(await settled(peer)).toEqual([]);
    expect(again.map(([event]) => event)).toEqual(['ready', 'delete', 'change', 'commit']);
  });

  test('closed before it was asked for is not asked for', async () => {
    const client = connect();
    client.stream('posts', { blogId: 7 }).close();
    const peer = await server.welcomed(STREAMS);
    expect(await peer.rest()).toEqual([]);
    client.stream('posts', { blogId: 8 }).close();
    expect(await peer.rest()).toEqual([]);
  });

  test('that is refused says why, and may be asked for again', async () => {
    const client = connect();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const log = record(client.stream('posts', { blogId: 7 }));
    const peer = await server.welcomed(STREAMS);
    await peer.frame();
    peer.say({ type: 'error', id: 1, code: 'forbidden', message: 'you may not' });
    await settled(peer);
    const complaint = { code: 'forbidden', message: 'you may not', stream: 'posts' };
    expect(log).toEqual([['error', complaint]]);
    expect(errors).toEqual([complaint]);
    client.stream('posts', { blogId: 7 });
    expect(await peer.frame()).toEqual({ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 7 } });
    peer.say({ type: 'subscribed', id: 2, view: 12, position: AT });
    await settled(peer);
    expect(log.at(-1)).toEqual(['ready', undefined]);
  });

  test('two spellings of one view share its number, and the first to leave takes nothing from the other', async () => {
    const client = connect();
    const number = client.stream('posts', { blogId: 7 });
    const text = record(client.stream('posts', { blogId: '7' }));
    const peer = await server.welcomed(STREAMS);
    await peer.frames(2);
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT }, { type: 'subscribed', id: 2, view: 12, position: AT });
    await settled(peer);
    number.close();
    commit(peer, [12, 'delete', 1]);
    expect(await settled(peer)).toEqual([]);
    expect(ofType(text, 'delete')).toHaveLength(1);
  });

  test('that no frame could hold is refused here', async () => {
    const client = connect({ frameBytes: 1_000 });
    const log = record(client.stream('posts', { blogId: 'x'.repeat(1_000) }));
    const peer = await server.welcomed(STREAMS);
    await settled(peer);
    expect(await peer.rest()).toEqual([]);
    expect(log).toEqual([['error', { code: 'too_large', message: 'a frame holds at most 1000 bytes', stream: 'posts' }]]);
  });
});

describe('over a reconnect', () => {
  test('views are asked for again, get new numbers, and are told ready again', async () => {
    const client = connect();
    const mine = record(client.stream('posts'));
    const seven = record(client.stream('posts', { blogId: 7 }));
    const closed = client.stream('posts', { blogId: 8 });
    const first = await server.welcomed(STREAMS);
    await first.frames(2);
    first.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    await settled(first);
    closed.close(); // its number never comes
    first.cut();
    const second = await server.welcomed({ ...STREAMS, posts: { ...(STREAMS['posts'] as StreamInfo), view: 5 } });
    expect(await second.frame()).toEqual({ type: 'subscribe', id: 3, stream: 'posts', params: { blogId: 7 } });
    second.say({ type: 'subscribed', id: 3, view: 20, position: AT });
    commit(second, [5, 'delete', 1], [20, 'delete', 2], [12, 'delete', 3], [1, 'delete', 4]);
    expect(await settled(second)).toEqual([]);
    expect(ofType(mine, 'ready', 'delete')).toEqual([
      ['ready', undefined],
      ['ready', undefined],
      ['delete', { action: 'delete', pk: 1, data: null }],
    ]);
    expect(ofType(seven, 'ready', 'delete')).toEqual([
      ['ready', undefined],
      ['ready', undefined],
      ['delete', { action: 'delete', pk: 2, data: null }],
    ]);
  });

  test('kinds are those of the new server', async () => {
    const values: unknown[] = [];
    const intval = connect().stream('intval');
    intval.on('update', ({ data }) => values.push(data['value']));
    const first = await server.welcomed(STREAMS);
    commit(first, [2, 'update', 1, { value: 7 }]);
    await settled(first);
    first.cut();
    const info: StreamInfo = { view: 2, key: ['id'], fields: { value: ['bigint', 'bigint'] }, writable: [] };
    const second = await server.welcomed({ intval: info });
    commit(second, [2, 'update', 1, { value: '7' }]);
    await settled(second);
    expect(values).toEqual([7, 7n]);
  });

  test('who joins in between is told ready once', async () => {
    const client = connect();
    const first = await server.welcomed(STREAMS);
    await settled(first);
    const becomes = (status: Status): Promise<void> =>
      new Promise((resolve) => void client.on('status', (now) => now === status && resolve()));
    first.cut();
    await becomes('waiting');
    const back = becomes('open');
    const log = record(client.stream('posts'));
    const second = await server.welcomed(STREAMS);
    await back;
    const late = record(client.stream('posts'));
    await settled(second);
    expect([log, late]).toEqual([[['ready', undefined]], [['ready', undefined]]]);
  });
});

describe("a stream of the app's own", () => {
  test('sends and hears messages, and nothing of others', async () => {
    const client = connect();
    const chat = client.stream('chat');
    const log = record(chat);
    const other = record(client.stream('posts'));
    const whole: unknown[] = [];
    client.on('message', (payload) => whole.push(payload));
    const peer = await server.welcomed(STREAMS);
    peer.say({ type: 'message', stream: 'chat', payload: { text: 'hi' } }, { type: 'message', stream: null, payload: [1] });
    await settled(peer);
    chat.send({ text: 'hello', at: new Date(0), big: 1n });
    chat.send(undefined);
    expect(await peer.rest()).toEqual([
      { type: 'message', stream: 'chat', payload: { text: 'hello', at: '1970-01-01T00:00:00.000Z', big: '1' } },
      { type: 'message', stream: 'chat', payload: null },
    ]);
    expect(log).toEqual([
      ['ready', undefined],
      ['message', { text: 'hi' }],
    ]);
    expect(other).toEqual([['ready', undefined]]);
    expect(whole).toEqual([[1]]);
  });

  test('messages wait for a connection, in order, and are sent once', async () => {
    const client = connect();
    const chat = client.stream('chat');
    for (const text of ['one', 'two']) chat.send(text);
    const first = await server.welcomed(STREAMS);
    expect((await first.rest()).map((frame) => 'payload' in frame && frame.payload)).toEqual(['one', 'two']);
    first.cut();
    const second = await server.welcomed(STREAMS);
    expect(await second.rest()).toEqual([]);
  });

  test('messages that are too many, or too large, are errors', async () => {
    const client = connect({ frameBytes: 1_000 });
    const codes: string[] = [];
    client.on('error', ({ code }) => codes.push(code));
    const chat = client.stream('chat');
    chat.send('x'.repeat(1_000));
    for (let count = 0; count < 1_002; count++) chat.send(count);
    expect(codes).toEqual(['too_large', 'rate_limited', 'rate_limited']);
    const peer = await server.welcomed(STREAMS);
    await peer.frames(1_000);
    expect(await peer.rest()).toEqual([]);
  });
});
