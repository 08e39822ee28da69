import { describe, expect, test } from 'vitest';
import { scripted } from '../../test/support/scripted-client.ts';
import type { Peer } from '../../test/support/scripted-server.ts';
import type { ClientFrame, Json, WriteFrame } from '../protocol/index.ts';
import type { Answer } from './index.ts';

const kit = scripted();

const STREAMS = { posts: { view: 1, key: [], fields: { title: ['text', 'string'] }, writable: ['title'] } } as const;

const ok = (peer: Peer, id: number, pk: Json): void => peer.say({ type: 'result', id, ok: true, pk });
const idsOf = (frames: readonly ClientFrame[]): number[] => frames.filter((frame) => frame.type === 'write').map(({ id }) => id);

describe('a write', () => {
  test('is sent as the wire has it, in the params of its stream', async () => {
    const client = kit.connect();
    const posts = client.stream('posts');
    const peer = await kit.server.welcomed(STREAMS);
    void posts.create({
      title: 'T',
      body: undefined,
      at: new Date(0),
      big: 2n ** 63n,
      raw: new Uint8Array([255]),
      nan: NaN,
      list: [1n, null],
    });
    void posts.update(9_007_199_254_740_993n, { title: null });
    void posts.delete([1n, 'a', new Date(0), new Uint8Array([0])]);
    const data = { title: 'T', at: '1970-01-01T00:00:00.000Z', big: '9223372036854775808', raw: '/w==', nan: 'NaN', list: ['1', null] };
    expect(await peer.frames(3)).toEqual([
      { type: 'write', id: 2, stream: 'posts', action: 'create', data },
      { type: 'write', id: 3, stream: 'posts', action: 'update', pk: '9007199254740993', data: { title: null } },
      { type: 'write', id: 4, stream: 'posts', action: 'delete', pk: ['1', 'a', '1970-01-01T00:00:00.000Z', 'AA=='] },
    ]);
    const seven = client.stream('posts', { blogId: 7 });
    void seven.create({ title: 'in seven' });
    expect((await peer.frames(2)).find(({ type }) => type === 'write')).toEqual({
      type: 'write',
      id: expect.any(Number) as number,
      stream: 'posts',
      action: 'create',
      data: { title: 'in seven' },
      params: { blogId: 7 },
    });
  });

  test('resolves to its own answer, in whatever order answers come', async () => {
    const posts = kit.connect().stream('posts');
    const peer = await kit.server.welcomed(STREAMS);
    const answers = [posts.create({}), posts.update(1, {}), posts.delete(2), posts.delete(3)];
    await peer.frames(4);
    peer.say({ type: 'result', id: 5, ok: false, code: 'not_found', message: 'no such row' });
    peer.say({ type: 'result', id: 3, ok: false, code: 'invalid', message: 'too long', fields: { title: 'at most 5' } });
    peer.say({ type: 'result', id: 4, ok: true, pk: 2, position: '0000000000000001' });
    ok(peer, 2, [7, 'x']);
    ok(peer, 2, 'said twice');
    peer.say({ type: 'ping', position: '0000000000000001' });
    expect(await Promise.all(answers)).toEqual([
      { ok: true, pk: [7, 'x'] },
      { ok: false, code: 'invalid', message: 'too long', fields: { title: 'at most 5' } },
      { ok: true, pk: 2 },
      { ok: false, code: 'not_found', message: 'no such row' },
    ]);
  });

  test('made before there is a connection waits for one', async () => {
    kit.server.refuse = 503;
    const posts = kit.connect().stream('posts', { blogId: 7 });
    const answer = posts.create({ title: 'early' });
    kit.server.refuse = null;
    const peer = await kit.server.welcomed(STREAMS);
    const [write, subscribe] = await peer.frames(2);
    expect([write?.type, subscribe?.type]).toEqual(['write', 'subscribe']);
    ok(peer, (write as WriteFrame).id, 5);
    expect(await answer).toEqual({ ok: true, pk: 5 });
  });

  test('without an answer is sent again, the same, when the connection was lost; with one it is not', async () => {
    const posts = kit.connect().stream('posts');
    const first = await kit.server.welcomed(STREAMS);
    const answers = [1, 2, 3].map((pk) => posts.delete(pk));
    const sent = await first.frames(3);
    ok(first, 3, 2);
    await answers[1];
    first.cut();
    const second = await kit.server.welcomed(STREAMS);
    expect(second.client).toBe(first.client);
    const again = await second.rest();
    expect(again).toEqual([sent[0], sent[2]]);
    ok(second, 2, 1);
    ok(second, 4, 3);
    expect(await Promise.all(answers)).toEqual([1, 2, 3].map((pk) => ({ ok: true, pk })));
    second.cut();
    const third = await kit.server.welcomed(STREAMS);
    expect(await third.rest()).toEqual([]);
  });

  test('keeps its place: those made while it was away, or as the connection opens, come after it, each once', async () => {
    const client = kit.connect();
    const posts = client.stream('posts');
    const first = await kit.server.welcomed(STREAMS);
    void posts.delete('sent');
    await first.frame();
    first.cut();
    client.on('status', (status) => void (status === 'waiting' && posts.delete('waiting')));
    client.on('status', (status) => void (status === 'open' && posts.delete('open')));
    posts.on('ready', () => void posts.delete('ready'));
    const second = await kit.server.welcomed(STREAMS);
    const frames = (await second.rest()) as readonly WriteFrame[];
    expect(frames.map(({ pk }) => pk)).toEqual(['sent', 'waiting', 'open', 'ready']);
    const ids = idsOf(frames);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  });

  test('is applied once by a server that remembers, however often the connection is lost', async () => {
    const posts = kit.connect().stream('posts');
    const applied = new Map<string, number>();
    const writes = Array.from({ length: 40 }, (_, pk) => posts.delete(pk));
    let done = false;
    const all = Promise.all(writes).then((answers) => {
      done = true;
      return answers;
    });
    for (let round = 0; !done; round++) {
      const peer = await Promise.race([kit.server.welcomed(STREAMS), all.then(() => null)]);
      if (!peer) break;
      // Of what each connection brings, some is lost before it is applied, some after, and some is answered.
      const frames = (await peer.rest()) as readonly WriteFrame[];
      for (const [at, { id, pk }] of frames.entries()) {
        if (at % 5 === 4) break;
        const key = `${peer.client}/${id}`;
        if (!applied.has(key)) applied.set(key, pk as number);
        if (at % 3 !== 0 || frames.length < 3) ok(peer, id, pk as number);
      }
      await peer.rest();
      if (!done) peer.cut();
    }
    expect(await all).toEqual(writes.map((_, pk) => ({ ok: true, pk })));
    expect([...applied.values()].toSorted((a, b) => a - b)).toEqual(writes.map((_, pk) => pk));
  });
});

describe('a write never rejects', () => {
  const closed = { ok: false, code: 'closed', message: expect.any(String) as string };

  test('when the client is closed before its answer', async () => {
    const client = kit.connect();
    const posts = client.stream('posts');
    const early = posts.delete(1);
    const peer = await kit.server.welcomed(STREAMS);
    await peer.frame();
    const late = posts.delete(2);
    client.close();
    expect(await Promise.all([early, late, posts.delete(3)])).toEqual([closed, closed, closed]);
  });

  test('when the server says not to come back', async () => {
    const client = kit.connect();
    const posts = client.stream('posts');
    const peer = await kit.server.welcomed(STREAMS);
    const answer = posts.delete(1);
    await peer.frame();
    peer.close(4000);
    expect(await answer).toEqual(closed);
    expect(await posts.delete(2)).toEqual(closed);
    client.reconnect();
    const back = await kit.server.welcomed(STREAMS);
    const after = posts.delete(3);
    const [frame] = (await back.frames(1)) as [WriteFrame];
    expect(frame).toMatchObject({ pk: 3 });
    ok(back, frame.id, 3);
    expect(await after).toEqual({ ok: true, pk: 3 });
  });

  test('when credentials are wanted: it waits for them', async () => {
    const client = kit.connect();
    const posts = client.stream('posts');
    const first = await kit.server.welcomed(STREAMS);
    const answer = posts.delete(1);
    const [frame] = await first.frames(1);
    first.close(4101);
    await first.closed;
    client.reconnect();
    const second = await kit.server.welcomed(STREAMS);
    expect(await second.frame()).toEqual(frame);
    ok(second, (frame as WriteFrame).id, 1);
    expect(await answer).toEqual({ ok: true, pk: 1 });
  });

  test.each<readonly [string, object]>([
    ['a Date that is none', { at: new Date(NaN) }],
    ['a circle', circle()],
  ])('when a value cannot be sent: %s', async (_name, data) => {
    const posts = kit.connect().stream('posts');
    expect(await posts.create(data as Readonly<Record<string, unknown>>)).toEqual({
      ok: false,
      code: 'invalid',
      message: expect.stringContaining('cannot be sent') as string,
    });
  });

  test('when no frame could hold it: bytes are counted, and nothing is sent', async () => {
    const posts = kit.connect().stream('posts');
    const peer = await kit.server.welcomed(STREAMS);
    const room = 65_536 - JSON.stringify({ type: 'write', id: 9, stream: 'posts', action: 'create', data: { title: '' } }).length;
    const tooLarge: Answer = { ok: false, code: 'too_large', message: 'a frame holds at most 65536 bytes' };
    expect(await posts.create({ title: 'x'.repeat(room + 1) })).toEqual(tooLarge);
    expect(await posts.create({ title: 'é'.repeat(room / 2 + 1) })).toEqual(tooLarge);
    void posts.create({ title: 'é'.repeat(Math.floor(room / 2)) });
    const frames = await peer.rest();
    expect(frames).toHaveLength(1);
    expect(JSON.stringify(frames[0]).length).toBeLessThan(40_000);
  });

  test('when there are too many without an answer', async () => {
    const posts = kit.connect().stream('posts');
    const answers = Array.from({ length: 1_001 }, (_, pk) => posts.delete(pk));
    expect(await answers[1_000]).toEqual({ ok: false, code: 'rate_limited', message: expect.any(String) as string });
    const peer = await kit.server.welcomed(STREAMS);
    expect(await peer.frames(1_000)).toHaveLength(1_000);
    expect(await peer.rest()).toEqual([]);
  });
});

function circle(): object {
  const made: Record<string, unknown> = {};
  made['self'] = made;
  return made;
}
