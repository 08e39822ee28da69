import { describe, expect, test } from 'vitest';
import type { SubscribeFrame } from '../protocol/index.ts';
import { commit, ofType, record, scripted, settled, STREAMS } from '../../test/support/scripted-client.ts';

const kit = scripted();

describe('a stream', () => {
  test('tells each change by its action, all of them as change, and the commit after them', async () => {
    const intval = kit.connect().stream('intval');
    const peer = await kit.server.welcomed(STREAMS);
    commit(peer, [2, 'create', 2, { name: 'm', value: 0 }], [2, 'create', 3, { name: 'o', value: 0 }]);
    await settled(peer);
    const log = record(intval);
    commit(peer, [2, 'create', 1, { name: 'n', value: 0 }], [2, 'update', 2, { name: 'm', value: 1 }], [2, 'delete', 3]);
    await settled(peer);
    const [made, moved, gone] = [
      { action: 'create', pk: 1, data: { name: 'n', value: 0 } },
      { action: 'update', pk: 2, data: { name: 'm', value: 1 } },
      { action: 'delete', pk: 3, data: null },
    ];
    expect(log).toEqual([
      ['create', made],
      ['change', made],
      ['update', moved],
      ['change', moved],
      ['delete', gone],
      ['change', gone],
      ['commit', { changes: [made, moved, gone], merged: false, position: expect.any(String) as string }],
    ]);
  });

  test('tells a commit over several streams whole, at one stroke', async () => {
    const client = kit.connect();
    const log: unknown[][] = [];
    record(client.stream('posts'), log, 'posts');
    record(client.stream('intval'), log, 'intval');
    const peer = await kit.server.welcomed(STREAMS);
    commit(peer, [1, 'create', 1, {}], [2, 'create', 2, {}], [1, 'create', 3, {}]);
    await settled(peer);
    let turns = 0;
    const seen: unknown[] = [];
    client.stream('posts').on('delete', () => {
      queueMicrotask(() => turns++);
      seen.push([client.stream('posts').rows.length, client.stream('intval').rows.length]);
    });
    client.stream('intval').on('commit', () => expect(turns).toBe(0));
    await settled(peer);
    seen.length = log.length = 0;
    commit(peer, [1, 'delete', 1], [2, 'delete', 2], [1, 'delete', 3]);
    await settled(peer);
    expect(
      log.filter(([, event]) => event !== 'delete').map(([stream, event, value]) => [stream, event, (value as { pk?: unknown }).pk]),
    ).toEqual([
      ['posts', 'change', 1],
      ['posts', 'change', 3],
      ['intval', 'change', 2],
      ['posts', 'commit', undefined],
      ['intval', 'commit', undefined],
    ]);
    expect([turns, seen]).toEqual([
      2,
      [
        [0, 0],
        [0, 0],
      ],
    ]);
  });

  test('gives values as the model has them', async () => {
    const seen: Record<string, unknown>[] = [];
    const posts = kit.connect().stream('posts');
    posts.on('create', ({ data }) => seen.push(data));
    const peer = await kit.server.welcomed(STREAMS);
    commit(peer, [1, 'create', 1, { title: 'T', size: '9007199254740993', at: '2026-11-23T12:34:56.789012Z', raw: 'AAEC/w==' }]);
    commit(peer, [1, 'create', 2, { title: null, size: null, at: 'infinity', raw: null }]);
    await settled(peer);
    expect(seen).toEqual([
      { title: 'T', size: 9_007_199_254_740_993n, at: new Date('2026-11-23T12:34:56.789Z'), raw: new Uint8Array([0, 1, 2, 255]) },
      { title: null, size: null, at: 'infinity', raw: null },
    ]);
  });

  test('gives every handler the same row, an object like any other', async () => {
    const posts = kit.connect().stream('posts');
    const rows: unknown[] = [];
    posts.on('change', (change) => rows.push(change.data, { ...change }.data, Object.keys(change)));
    posts.on('commit', ({ changes: [change] }) => rows.push(change?.data));
    const peer = await kit.server.welcomed(STREAMS);
    commit(peer, [1, 'create', 1, { size: '1' }]);
    await settled(peer);
    expect(rows[0]).toEqual({ size: 1n });
    expect(rows[1]).toBe(rows[0]);
    expect(rows[2]).toEqual(['action', 'pk', 'data']);
    expect(rows[3]).toBe(rows[0]);
    expect(posts.rows[0]).toBe(rows[0]);
    expect(posts.row(1)).toBe(rows[0]);
  });

  test('goes on when a handler throws, and the error surfaces', async () => {
    const uncaught: unknown[] = [];
    const own = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
    try {
      const intval = kit.connect().stream('intval');
      intval.on('create', () => {
        throw new Error('of the app');
      });
      const log = record(intval);
      const peer = await kit.server.welcomed(STREAMS);
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
    const intval = kit.connect().stream('intval');
    const heard: string[] = [];
    const handler = (): void => void heard.push('handler');
    const off = intval.on('create', handler);
    intval.on('create', handler);
    intval.on('create', () => intval.close());
    intval.on('commit', () => heard.push('commit'));
    const peer = await kit.server.welcomed(STREAMS);
    off();
    off();
    commit(peer, [2, 'create', 1, {}], [2, 'create', 2, {}]);
    commit(peer, [2, 'create', 3, {}]);
    await settled(peer);
    expect(heard).toEqual(['handler']);
  });

  test.each(['gone', 'constructor', 'toString', '__proto__'])('that is not offered says so: %s', async (name) => {
    const client = kit.connect();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const log = record(client.stream(name));
    const peer = await kit.server.welcomed(STREAMS);
    const refuse = async (): Promise<void> => {
      const { id } = (await peer.frame()) as SubscribeFrame;
      peer.say({ type: 'error', id, code: 'unknown_stream', message: `"${name}" is no stream here` });
      await settled(peer);
    };
    await refuse();
    const complaint = { code: 'unknown_stream', message: expect.stringContaining(name) as string, stream: name };
    expect(log).toEqual([
      ['status', 'syncing'],
      ['status', 'failed'],
      ['error', complaint],
    ]);
    expect(errors).toEqual([complaint]);
    const late = record(client.stream(name));
    await refuse();
    expect(ofType(late, 'error')).toEqual([['error', complaint]]);
    expect(late.at(-2)).toEqual(['status', 'failed']);
  });
});

describe("a stream of the app's own", () => {
  test('sends and hears messages, and nothing of others', async () => {
    const client = kit.connect();
    const chat = client.stream('chat');
    const log = record(chat);
    const other = record(client.stream('posts'));
    const whole: unknown[] = [];
    client.on('message', (payload) => whole.push(payload));
    const peer = await kit.server.welcomed(STREAMS);
    peer.say({ type: 'message', stream: 'chat', payload: { text: 'hi' } }, { type: 'message', stream: null, payload: [1] });
    await settled(peer);
    chat.send({ text: 'hello', at: new Date(0), big: 1n });
    chat.send(undefined);
    expect(await peer.rest()).toEqual([
      { type: 'message', stream: 'chat', payload: { text: 'hello', at: '1970-01-01T00:00:00.000Z', big: '1' } },
      { type: 'message', stream: 'chat', payload: null },
    ]);
    expect(ofType(log, 'ready', 'message')).toEqual([
      ['ready', undefined],
      ['message', { text: 'hi' }],
    ]);
    expect(ofType(other, 'message')).toEqual([]);
    expect(whole).toEqual([[1]]);
  });

  test('messages wait for a connection, in order, and are sent once', async () => {
    const client = kit.connect();
    const chat = client.stream('chat');
    for (const text of ['one', 'two']) chat.send(text);
    const first = await kit.server.welcomed(STREAMS);
    expect((await first.rest()).map((frame) => 'payload' in frame && frame.payload)).toEqual(['one', 'two']);
    first.cut();
    const second = await kit.server.welcomed(STREAMS);
    expect(await second.rest()).toEqual([]);
  });

  test('messages that are too many, or too large, are errors', async () => {
    const client = kit.connect({ frameBytes: 1_000 });
    const codes: string[] = [];
    client.on('error', ({ code }) => codes.push(code));
    const chat = client.stream('chat');
    chat.send('x'.repeat(1_000));
    for (let count = 0; count < 1_002; count++) chat.send(count);
    expect(codes).toEqual(['too_large', 'rate_limited', 'rate_limited']);
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frames(1_000);
    expect(await peer.rest()).toEqual([]);
  });
});
