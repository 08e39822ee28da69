import { describe, expect, test } from 'vitest';
import { AT, commit, ofType, record, scripted, settled, STREAMS } from '../../test/support/scripted-client.ts';
import type { StreamInfo } from '../protocol/index.ts';
import type { Status } from './index.ts';

const kit = scripted();

describe('a stream with params', () => {
  test('subscribes once for all handles on the same params, in whatever order they are written', async () => {
    const client = kit.connect();
    const one = record(client.stream('posts', { blogId: 7, on: new Date(0) }));
    const two = record(client.stream('posts', { on: new Date(0), blogId: 7 }));
    const peer = await kit.server.welcomed(STREAMS);
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
    const client = kit.connect();
    const mine = record(client.stream('posts'));
    const seven = record(client.stream('posts', { blogId: 7 }));
    const eight = record(client.stream('posts', { blogId: 8 }));
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frames(2);
    peer.say({ type: 'subscribed', id: 2, view: 13, position: AT }, { type: 'subscribed', id: 1, view: 12, position: AT });
    commit(peer, [1, 'delete', 1], [12, 'delete', 2], [13, 'delete', 3]);
    await settled(peer);
    const keys = (log: readonly unknown[][]): unknown[] => ofType(log, 'delete').map(([, change]) => (change as { pk: unknown }).pk);
    expect([keys(mine), keys(seven), keys(eight)]).toEqual([[1], [2], [3]]);
  });

  test('is let go of when its last handle closes, and what still comes for it is ignored', async () => {
    const client = kit.connect();
    const one = client.stream('posts', { blogId: 7 });
    const two = client.stream('posts', { blogId: 7 });
    const log = record(one);
    const peer = await kit.server.welcomed(STREAMS);
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
    const client = kit.connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    posts.close();
    expect(await peer.rest()).toEqual([]);
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    expect(await peer.rest()).toEqual([{ type: 'unsubscribe', view: 12 }]);
  });

  test('closed and asked for again before its number came is asked for once', async () => {
    const client = kit.connect();
    const posts = client.stream('posts', { blogId: 7 });
    const peer = await kit.server.welcomed(STREAMS);
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
    const log = record(client.stream('posts', { blogId: 7 }));
    const peer = await kit.server.welcomed(STREAMS);
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
    const client = kit.connect();
    const number = client.stream('posts', { blogId: 7 });
    const text = record(client.stream('posts', { blogId: '7' }));
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frames(2);
    peer.say({ type: 'subscribed', id: 1, view: 12, position: AT }, { type: 'subscribed', id: 2, view: 12, position: AT });
    await settled(peer);
    number.close();
    commit(peer, [12, 'delete', 1]);
    expect(await settled(peer)).toEqual([]);
    expect(ofType(text, 'delete')).toHaveLength(1);
  });

  test('that no frame could hold is refused here', async () => {
    const client = kit.connect({ frameBytes: 1_000 });
    const log = record(client.stream('posts', { blogId: 'x'.repeat(1_000) }));
    const peer = await kit.server.welcomed(STREAMS);
    await settled(peer);
    expect(await peer.rest()).toEqual([]);
    expect(log).toEqual([['error', { code: 'too_large', message: 'a frame holds at most 1000 bytes', stream: 'posts' }]]);
  });
});

describe('over a reconnect', () => {
  test('views are asked for again, get new numbers, and are told ready again', async () => {
    const client = kit.connect();
    const mine = record(client.stream('posts'));
    const seven = record(client.stream('posts', { blogId: 7 }));
    const closed = client.stream('posts', { blogId: 8 });
    const first = await kit.server.welcomed(STREAMS);
    await first.frames(2);
    first.say({ type: 'subscribed', id: 1, view: 12, position: AT });
    await settled(first);
    closed.close(); // its number never comes
    first.cut();
    const second = await kit.server.welcomed({ ...STREAMS, posts: { ...(STREAMS['posts'] as StreamInfo), view: 5 } });
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
    const intval = kit.connect().stream('intval');
    intval.on('update', ({ data }) => values.push(data['value']));
    const first = await kit.server.welcomed(STREAMS);
    commit(first, [2, 'update', 1, { value: 7 }]);
    await settled(first);
    first.cut();
    const info: StreamInfo = { view: 2, key: ['id'], fields: { value: ['bigint', 'bigint'] }, writable: [] };
    const second = await kit.server.welcomed({ intval: info });
    commit(second, [2, 'update', 1, { value: '7' }]);
    await settled(second);
    expect(values).toEqual([7, 7n]);
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
    expect([log, late]).toEqual([[['ready', undefined]], [['ready', undefined]]]);
  });
});
