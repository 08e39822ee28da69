import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { bindingFor, consumer } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world } from '../support/world.ts';

// The seed's own clients from npm, as they are: what worked against Django Channels 1.x works here.

const require = createRequire(import.meta.url);

interface Bridge {
  readonly socket: EventTarget & {
    close(code: number, reason: string, options?: object): void;
    addEventListener: EventTarget['addEventListener'];
  };
  connect(url: string, protocols?: string, options?: object): void;
  listen(hear?: (message: unknown, stream: string | null) => void): void;
  demultiplex(stream: string, hear: (payload: unknown, stream: string) => void): void;
  stream(name: string): { send(payload: unknown): void } & EventTarget;
  send(message: unknown): void;
  addEventListener: EventTarget['addEventListener'];
}

const page = globalThis as { window?: unknown; WebSocket: unknown };
const before = { window: page.window, WebSocket: page.WebSocket };
beforeAll(() => {
  page.WebSocket = WebSocket;
});
afterAll(() => {
  page.window = before.window;
  page.WebSocket = before.WebSocket;
});

/** A queue of what a callback was called with. */
function heard<T>(): { readonly all: T[]; put(item: T): void; some(count: number): Promise<readonly T[]> } {
  const all: T[] = [];
  let wake = (): void => undefined;
  return {
    all,
    put(item) {
      all.push(item);
      wake();
    },
    async some(count) {
      while (all.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return all;
    },
  };
}

const binding = bindingFor<null>();
const intval = binding(models.integerValue, {
  fields: ['name', 'value'],
  groupNames: () => ['intval-updates'],
  hasPermission: () => true,
});
const other = binding(models.thing, { fields: ['name'], groupNames: () => ['intval-updates'] });
const echo = consumer({
  receive: (content, { reply, close }) => (content === 'drop me' ? close(1000) : reply(content)),
});

async function served() {
  const w = await world({ bindings: { intval, other } });
  w.live.endpoint('/binding/', { consumers: { intval, other, echo }, connectionGroups: () => ['intval-updates'] });
  page.window = { location: { protocol: 'http:', host: `127.0.0.1:${w.port}` } };
  return w;
}

describe('django-channels 1.1.8', () => {
  const make = (): Bridge => new (require('django-channels') as { WebSocketBridge: new () => Bridge }).WebSocketBridge();
  const leave = (bridge: Bridge): void => bridge.socket.close(1000, '', { keepClosed: true });
  const told = (item: unknown): unknown => item;

  test.each([
    ['relative', () => '/binding/'],
    ['absolute', (port: number) => `ws://127.0.0.1:${port}/binding/`],
  ] as const)('connects by a %s URL, demultiplexes, creates, updates and deletes', async (_kind, at) => {
    await using w = await served();
    const bridge = make();
    bridge.connect(at(w.port));
    const changes = heard<unknown>();
    const strays = heard<unknown>();
    bridge.listen((message, stream) => strays.put([message, stream]));
    bridge.demultiplex('intval', (payload, stream) => changes.put([stream, payload]));
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    const row = { model: 'values.integervalue', pk: 1 };
    bridge.stream('intval').send({ action: 'create', data: { name: 'n', value: 0 } });
    await changes.some(1);
    bridge.stream('intval').send({ action: 'update', pk: 1, data: { value: 7 } });
    await changes.some(2);
    bridge.stream('intval').send({ action: 'delete', pk: 1 });
    expect((await changes.some(3)).map(told)).toEqual([
      ['intval', { ...row, action: 'create', data: { name: 'n', value: 0 } }],
      ['intval', { ...row, action: 'update', data: { name: 'n', value: 7 } }],
      ['intval', { ...row, action: 'delete', data: { name: 'n', value: 7 } }],
    ]);
    expect(strays.all).toEqual([]);
    leave(bridge);
  });

  test('what has no stream reaches the default listener alone; a stream nobody demultiplexes reaches nobody', async () => {
    await using w = await served();
    const bridge = make();
    bridge.connect('/binding/');
    const strays = heard<unknown>();
    const values = heard<unknown>();
    bridge.listen((message, stream) => strays.put([message, stream]));
    bridge.demultiplex('intval', (payload) => values.put(payload));
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    await w.live.publish(other, [{ before: null, after: { id: 'a', name: 'n' } }]);
    await w.live.settled();
    await w.live.groups.send('intval-updates', { maintenance: 'at noon' });
    expect(await strays.some(1)).toEqual([[{ maintenance: 'at noon' }, null]]);
    expect(values.all).toEqual([]);
    leave(bridge);
  });

  test('refusals, nonsense and messages without an envelope are logged, never answered, and the socket stays', async () => {
    await using w = await served();
    const bridge = make();
    bridge.connect('/binding/');
    const all = heard<unknown>();
    bridge.listen((message) => all.put(message));
    for (const stream of ['intval', 'other', 'nowhere', 'echo']) bridge.demultiplex(stream, (payload) => all.put(payload));
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    bridge.send({ no: 'envelope' });
    bridge.send('text');
    bridge.stream('nowhere').send({ action: 'create', data: {} });
    bridge.stream('other').send({ action: 'create', data: { name: 'read-only' } });
    bridge.stream('intval').send({ action: 'update', pk: 404, data: { value: 1 } });
    bridge.stream('intval').send({ action: 'explode' });
    bridge.stream('intval').send([]);
    bridge.stream('intval').send({ action: 'create', data: { name: 'n', value: 'no number' } });
    await w.notes.holds('invalid');
    expect(w.notes.count('"code"')).toBe(8);
    bridge.stream('echo').send({ still: 'here' });
    expect(await all.some(1)).toEqual([{ still: 'here' }]);
    leave(bridge);
  });

  test('comes back by itself when the server drops it, and goes on hearing', async () => {
    await using w = await served();
    const bridge = make();
    bridge.connect('/binding/', undefined, { minReconnectionDelay: 10, maxReconnectionDelay: 20 });
    const changes = heard<{ action: string }>();
    bridge.listen();
    bridge.demultiplex('intval', (payload) => changes.put(payload as never));
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    const again = new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    bridge.stream('echo').send('drop me');
    await again;
    await w.live.publish(intval, [{ before: null, after: { id: 9, name: 'after', value: 1 } }]);
    expect((await changes.some(1))[0]).toMatchObject({ action: 'create', pk: 9 });
    leave(bridge);
  });

  test('a row that merely left the viewer’s groups is a delete with empty data', async () => {
    const moving = binding(models.post, { fields: ['title'], groupNames: ({ blogId }) => [`blog-${blogId}`] });
    await using w = await world({ bindings: { moving } });
    w.live.endpoint('/binding/', { connectionGroups: () => ['blog-1'] });
    page.window = { location: { protocol: 'http:', host: `127.0.0.1:${w.port}` } };
    const bridge = make();
    bridge.connect('/binding/');
    const changes = heard<{ action: string; data: unknown }>();
    bridge.listen();
    bridge.demultiplex('moving', (payload) => changes.put(payload as never));
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    const row = { id: 1, blogId: 1, title: 'public', body: '', published: true, owner: null, secret: '' };
    await w.live.publish(moving, [{ before: row, after: { ...row, blogId: 2, title: 'canary' } }]);
    expect((await changes.some(1))[0]).toMatchObject({ action: 'delete', pk: 1, data: {} });
    leave(bridge);
  });
});

describe('django-channels 2.1.3', () => {
  test('connects, demultiplexes, creates, updates, deletes, and comes back when the server drops it', async () => {
    await using w = await served();
    const { WebSocketBridge } = require('django-channels-2') as { WebSocketBridge: new () => Bridge };
    const bridge = new WebSocketBridge();
    bridge.connect('/binding/', undefined, { minReconnectionDelay: 10, maxReconnectionDelay: 20, WebSocket });
    const strays = heard<unknown>();
    const changes = heard<{ action: string; pk: unknown }>();
    bridge.addEventListener('message', ((event: { data: unknown }) => strays.put(event.data)) as never);
    bridge.stream('intval').addEventListener('message', ((event: { data: never }) => changes.put(event.data)) as never);
    await new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    bridge.stream('intval').send({ action: 'create', data: { name: 'n', value: 0 } });
    await changes.some(1);
    const again = new Promise((resolve) => bridge.socket.addEventListener('open', resolve as never));
    bridge.stream('echo').send('drop me');
    await again;
    bridge.stream('intval').send({ action: 'update', pk: 1, data: { value: 7 } });
    bridge.stream('intval').send({ action: 'delete', pk: 1 });
    expect((await changes.some(3)).map(({ action, pk }) => [action, pk])).toEqual([
      ['create', 1],
      ['update', 1],
      ['delete', 1],
    ]);
    await w.live.groups.send('intval-updates', { to: 'all' });
    await strays.some(1);
    expect(strays.all).toEqual([{ to: 'all' }]);
    bridge.socket.close(1000, '');
  });
});
