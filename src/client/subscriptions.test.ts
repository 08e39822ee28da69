import { describe, expect, test } from 'vitest';
import { commit, loaded, ofType, record, scripted, settled, STREAMS } from '../../test/support/scripted-client.ts';
import type { StreamInfo } from '../protocol/index.ts';
import type { Status } from './index.ts';

const kit = scripted();

const keys = (stream: { readonly rows: readonly object[]; pk(row: object): unknown }): unknown[] =>
  stream.rows.map((row) => stream.pk(row));

describe('a stream', () => {
  test('without params, or with none, is asked for as the view by the connection’s own groups', async () => {
    const client = kit.connect();
    client.stream('posts');
    client.stream('posts', {});
    const peer = await kit.server.welcomed(STREAMS, true);
    expect(await peer.rest()).toEqual([{ type: 'subscribe', id: 1, stream: 'posts' }]);
  });

  test('subscribes once for all handles on the same params, in whatever order they are written', async () => {
    const client = kit.connect();
    const one = record(client.stream('posts', { blogId: 7, on: new Date(0) }));
    const two = record(client.stream('posts', { on: new Date(0), blogId: 7 }));
    const peer = await kit.server.welcomed(STREAMS);
    expect(await peer.rest()).toEqual([
      { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7, on: '1970-01-01T00:00:00.000Z' } },
    ]);
    expect(one).toEqual([['status', 'syncing']]);
    loaded(peer, 1, 12);
    commit(peer, [12, 'create', 1, {}]);
    await settled(peer);
    expect(one.map(([event]) => event)).toEqual(['status', 'status', 'ready', 'create', 'change', 'commit']);
    expect(two).toEqual(one);
  });

  test('tells a handle that comes later what is there, as if it had come just now', async () => {
    const client = kit.connect();
    const first = record(client.stream('posts', { blogId: 7 }));
    const peer = await kit.server.welcomed(STREAMS);
    loaded(peer, 1, 12);
    commit(peer, [12, 'create', 1, { title: 'one' }], [12, 'create', 2, { title: 'two' }]);
    await settled(peer);
    first.length = 0;
    const late = client.stream('posts', { blogId: 7 });
    const log = record(late);
    expect(late.rows).toEqual([{ title: 'one' }, { title: 'two' }]);
    expect(log).toEqual([]);
    expect(await peer.rest()).toEqual([]);
    const changes = [
      { action: 'create', pk: 1, data: { title: 'one' } },
      { action: 'create', pk: 2, data: { title: 'two' } },
    ];
    expect(ofType(log, 'create', 'commit', 'ready')).toEqual([
      ['create', changes[0]],
      ['create', changes[1]],
      ['commit', { changes, merged: true, position: expect.any(String) as string }],
      ['ready', undefined],
    ]);
    expect(first).toEqual([]);
  });

  test('hears its own view and no other', async () => {
    const client = kit.connect();
    const streams = [client.stream('posts'), client.stream('posts', { blogId: 7 }), client.stream('posts', { blogId: 8 })];
    const peer = await kit.server.welcomed(STREAMS);
    loaded(peer, 3, 13);
    loaded(peer, 2, 12);
    commit(peer, [1, 'create', 1, {}], [12, 'create', 2, {}], [13, 'create', 3, {}]);
    await settled(peer);
    expect(streams.map(keys)).toEqual([[1], [2], [3]]);
  });

  test('is let go of when its last handle closes, and what still comes for it is ignored', async () => {
    const client = kit.connect();
    const one = client.stream('posts', { blogId: 7 });
    const two = client.stream('posts', { blogId: 7 });
    const log = record(one);
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    loaded(peer, 1, 12);
    await settled(peer);
    log.length = 0;
    one.close();
    one.close();
    expect(await peer.rest()).toEqual([]);
    two.close();
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
    commit(peer, [12, 'create', 1, {}]);
    await settled(peer);
    expect(log).toEqual([]);
    const again = client.stream('posts', { blogId: 7 });
    expect(await peer.rest()).toEqual([{ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 7 } }]);
    commit(peer, [12, 'create', 2, {}]); // still of the first time
    loaded(peer, 2, 12, [[3, {}]]);
    commit(peer, [12, 'create', 4, {}]);
    await settled(peer);
    expect(keys(again)).toEqual([3, 4]);
    expect([one.rows, two.rows]).toEqual([[], []]);
  });

  test('closed while its rows come is let go of at once, and they are ignored', async () => {
    const client = kit.connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
    peer.say({ type: 'subscribed', id: 1, view: 12 }, { type: 'rows', view: 12, rows: [[1, {}]], count: 1, total: 2 });
    await settled(peer);
    posts.close();
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
    peer.say(
      { type: 'rows', view: 12, rows: [[2, {}]], count: 2, total: 2 },
      { type: 'ready', view: 12, position: '0000000000000009', token: '' },
    );
    expect(await peer.rest()).toEqual([]);
    expect(posts.rows).toEqual([]);
  });

  test('closed before its number came is let go of then', async () => {
    const client = kit.connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    posts.close();
    expect(await peer.rest()).toEqual([]);
    loaded(peer, 1, 12);
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
  });

  test('closed and asked for again before its number came is asked for once', async () => {
    const client = kit.connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    posts.close();
    const again = client.stream('posts', { blogId: 7 });
    loaded(peer, 1, 12, [[1, {}]]);
    expect(await settled(peer)).toEqual([]);
    expect([again.status, keys(again)]).toEqual(['live', [1]]);
  });

  test('closed before it was asked for is not asked for', async () => {
    const client = kit.connect();
    client.stream('posts', { blogId: 7 }).close();
    const peer = await kit.server.welcomed(STREAMS);
    expect(await peer.rest()).toEqual([]);
    client.stream('posts', { blogId: 8 }).close();
    expect(await peer.rest()).toEqual([]);
  });

  test('that is refused says why, and may be asked for again', async () => {
    const client = kit.connect();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    const posts = client.stream('posts', { blogId: 7 });
    const log = record(posts);
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    peer.say({ type: 'error', id: 1, code: 'forbidden', message: 'you may not' });
    await settled(peer);
    const complaint = { code: 'forbidden', message: 'you may not', stream: 'posts' };
    expect(log).toEqual([
      ['status', 'syncing'],
      ['status', 'failed'],
      ['error', complaint],
    ]);
    expect(errors).toEqual([complaint]);
    client.stream('posts', { blogId: 7 });
    expect(await peer.frame()).toEqual({ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 7 } });
    loaded(peer, 2, 12);
    await settled(peer);
    expect(log.slice(3)).toEqual([
      ['status', 'syncing'],
      ['status', 'live'],
      ['ready', undefined],
    ]);
  });

  test('in two spellings of one view is held once, and the first to leave takes nothing from the other', async () => {
    const client = kit.connect();
    const number = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
    loaded(peer, 1, 12, [[1, {}]]);
    await settled(peer);
    const text = client.stream('posts', { blogId: '7' });
    const log = record(text);
    await peer.frame();
    peer.say({ type: 'subscribed', id: 2, view: 12 });
    await settled(peer);
    expect([keys(text), number.status, text.status]).toEqual([[1], 'stale', 'stale']);
    peer.say(
      {
        type: 'rows',
        view: 12,
        rows: [
          [1, {}],
          [2, {}],
        ],
        count: 2,
        total: 2,
      },
      { type: 'ready', view: 12, position: '0000000000000009', token: 't' },
    );
    await settled(peer);
    expect([keys(number), keys(text), number.status, text.status]).toEqual([[1, 2], [1, 2], 'live', 'live']);
    expect(ofType(log, 'create').map(([, change]) => (change as { pk: unknown }).pk)).toEqual([1, 2]);
    log.length = 0;
    peer.say({ type: 'message', stream: 'posts', payload: 'once' });
    await settled(peer);
    expect(log).toEqual([['message', 'once']]);
    number.close();
    commit(peer, [12, 'delete', 1]);
    expect(await settled(peer)).toEqual([]);
    expect(keys(text)).toEqual([2]);
    peer.cut();
    const second = await kit.server.welcomed(STREAMS);
    expect(await second.rest()).toMatchObject([{ type: 'subscribe', at: '0000000000000009', token: 't' }]);
    text.close();
    loaded(second, 3, 5);
    expect(await second.rest()).toEqual([{ type: 'unsubscribe', view: 5 }]);
  });

  test('that no frame could hold is refused here', async () => {
    const client = kit.connect({ frameBytes: 1_000 });
    const log = record(client.stream('posts', { blogId: 'x'.repeat(1_000) }));
    const peer = await kit.server.welcomed(STREAMS);
    await settled(peer);
    expect(await peer.rest()).toEqual([]);
    expect(ofType(log, 'error')).toEqual([['error', { code: 'too_large', message: 'a frame holds at most 1000 bytes', stream: 'posts' }]]);
  });

  test('leaves nothing behind, however often it is asked for and let go of', async () => {
    const client = kit.connect();
    const peer = await kit.server.welcomed(STREAMS);
    for (let id = 1; id <= 50; id++) {
      const posts = client.stream('posts', { blogId: id });
      await peer.frame();
      loaded(peer, id, 12, [[id, {}]]);
      await settled(peer);
      expect(keys(posts)).toEqual([id]);
      posts.close();
      expect(await peer.frame()).toEqual({ type: 'unsubscribe', view: 12 });
    }
    peer.cut();
    expect(await (await kit.server.welcomed(STREAMS)).rest()).toEqual([]);
  });
});

describe('over a reconnect', () => {
  test('views are asked for again and get new numbers', async () => {
    const client = kit.connect();
    const mine = client.stream('posts');
    const seven = client.stream('posts', { blogId: 7 });
    const closed = client.stream('posts', { blogId: 8 });
    const first = await kit.server.welcomed(STREAMS, true);
    await first.frames(3);
    loaded(first, 1, 1);
    loaded(first, 2, 12);
    await settled(first);
    closed.close(); // its number never comes
    first.cut();
    const second = await kit.server.welcomed(STREAMS, true);
    expect(await second.rest()).toMatchObject([
      { type: 'subscribe', id: 4, stream: 'posts' },
      { type: 'subscribe', id: 5, stream: 'posts', params: { blogId: 7 } },
    ]);
    loaded(second, 4, 5);
    loaded(second, 5, 20);
    commit(second, [5, 'create', 1, {}], [20, 'create', 2, {}], [12, 'create', 3, {}], [1, 'create', 4, {}]);
    expect(await settled(second)).toEqual([]);
    expect([keys(mine), keys(seven)]).toEqual([[1], [2]]);
  });

  test('kinds are those of the new server, for rows of before as well', async () => {
    const intval = kit.connect().stream('intval');
    const first = await kit.server.welcomed(STREAMS);
    commit(first, [2, 'create', 1, { value: 7 }]);
    await settled(first);
    expect(intval.rows).toEqual([{ value: 7 }]);
    first.cut();
    const info: StreamInfo = { view: 2, key: [], fields: { value: ['int', 'bigint'] }, writable: [] };
    const second = await kit.server.welcomed({ intval: info }, true);
    const frames = await second.rest();
    expect(frames).toEqual([{ type: 'subscribe', id: 2, stream: 'intval' }]); // not gone on from
    loaded(second, 2, 2, [[1, { value: 7 }]]);
    await settled(second);
    expect(intval.rows).toEqual([{ value: 7n }]);
  });

  test('who joins in between is told ready once', async () => {
    const client = kit.connect();
    const first = await kit.server.welcomed(STREAMS);
    await settled(first);
    const becomes = (status: Status): Promise<void> =>
      new Promise((resolve) => void client.on('status', (now) => now === status && resolve()));
    first.cut();
    await becomes('waiting');
    const back = becomes('open');
    const log = record(client.stream('posts'));
    const second = await kit.server.welcomed(STREAMS);
    await back;
    const late = record(client.stream('posts'));
    await settled(second);
    expect([ofType(log, 'ready'), ofType(late, 'ready')]).toEqual([[['ready', undefined]], [['ready', undefined]]]);
  });
});
