import { expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFor, command, groupBy } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { models } from '../support/databases.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// Whoever is told a position by a `result`, or by `seen`, comes to it at once: by the commit's frame, else by a ping in the same write.

const posts = bindingFor()(models.post, {
  fields: ['title'],
  writable: ['title', 'blogId'],
  groupNames: groupBy('blogId'),
  canSubscribe: () => true,
  hasPermission: () => true,
  stamp: (_user, action) => (action === 'create' ? { body: '', published: false, secret: '' } : {}), // rows in memory have no defaults
  update: () => undefined,
});
const values = bindingFor()(models.integerValue, { fields: ['name', 'value'], groupNames: () => ['all'], hasPermission: () => true });
const nothing = command({ input: z.null(), allow: () => true, run: () => 'done' });

/** No heartbeat: what comes to a position comes by the law. */
async function served() {
  const w = await world({ source: memory(), bindings: { posts, values }, heartbeat: 86_400 });
  w.live.endpoint('/', { consumers: { posts, values, nothing }, connectionGroups: () => ['all'] });
  return w;
}

type Result = Extract<ServerFrame, { type: 'result' }>;

const positionOf = (result: Result | undefined): string | undefined => (result?.ok ? result.position : undefined);
const strokeOf = ({ strokes }: ByHand, id: number): readonly ServerFrame[] =>
  strokes.find((stroke) => stroke.some((frame) => frame.type === 'result' && frame.id === id)) ?? [];

test.each([
  ['a call that writes nothing', { type: 'call', stream: 'nothing', input: null }],
  ['a write whose hook changes nothing', { type: 'write', stream: 'posts', action: 'update', pk: 1, data: { title: 'x' } }],
  ['a row in no view of the writer', { type: 'write', stream: 'posts', action: 'create', data: { title: 'x', blogId: 8 } }],
  ['a batch of such', { type: 'batch', writes: [{ stream: 'posts', action: 'update', pk: 1, data: { title: 'x' } }] }],
])('%s: a ping with the position, behind the result and in the same write', async (_what, frame) => {
  await using w = await served();
  await w.live.publish(posts, [
    { before: null, after: { id: 1, blogId: 7, title: 't', body: '', published: false, owner: null, secret: '' } },
  ]);
  const [hand, other] = [await ByHand.open(w.live), await ByHand.open(w.live)];
  hand.ask('posts', { params: { blogId: 7 } });
  hand.ask('values');
  other.ask('values');
  await hand.until('ready', 2);
  await other.until('ready');
  hand.send({ id: 1, ...frame });
  const result = await hand.until('result');
  expect(result).toMatchObject({ ok: true, position: expect.any(String) as string });
  const position = positionOf(result) as string;
  expect(strokeOf(hand, 1)).toEqual([result, { type: 'ping', position }]);
  await w.live.settled();
  expect(other.of('ping')).toEqual([]); // it was told nothing, and is brought nowhere
});

test('a row that the writer sees: the frame of its commit, and no ping', async () => {
  await using w = await served();
  const hand = await ByHand.open(w.live);
  hand.ask('values');
  await hand.until('ready');
  for (let id = 1; id <= 5; id++) hand.send({ type: 'write', id, stream: 'values', action: 'create', data: { name: `n${id}`, value: id } });
  await hand.until('result', 5);
  await w.live.settled();
  for (const result of hand.of('result')) {
    const stroke = strokeOf(hand, result.id);
    const next = stroke[stroke.indexOf(result) + 1];
    expect(next).toMatchObject({ type: 'commit', position: positionOf(result) });
  }
  expect(hand.of('ping')).toEqual([]);
});

test('what it would be told of the commit is too much: the views are reset, and the ready ones are there', async () => {
  await using w = await world({ bindings: { posts, values }, heartbeat: 86_400, bulk: { rows: 1 } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  const hand = await ByHand.open(w.live);
  hand.ask('values');
  await hand.until('ready');
  const writes = [1, 2].map((n) => ({ stream: 'values', action: 'create', data: { name: `n${n}`, value: n } }));
  hand.send({ type: 'batch', id: 1, writes });
  const result = await hand.until('result');
  expect(strokeOf(hand, 1).slice(0, 3)).toMatchObject([
    { type: 'result' },
    { type: 'reset', reason: 'bulk' },
    { type: 'ping', position: positionOf(result) },
  ]);
  expect((await hand.until('ready', 2)).position >= (positionOf(result) ?? '?')).toBe(true);
});

test.each([true, false])('a connection that is behind comes to it when it has caught up; more of its views to tell: %s', async (more) => {
  await using w = await served();
  const hand = await ByHand.open(w.live);
  hand.ask('values');
  await hand.until('ready');
  hand.waiting = 2_500_000; // over what may wait, under what it is closed for
  hand.send({ type: 'write', id: 1, stream: 'values', action: 'create', data: { name: 'first', value: 1 } });
  await hand.until('result');
  if (more) await w.live.publish(values, [{ before: null, after: { id: 99, name: 'more', value: 1 } }]);
  hand.send({ type: 'call', id: 2, stream: 'nothing', input: null });
  const position = positionOf(await hand.until('result', 2)) as string;
  expect(position).toBeDefined();
  const reached = (): boolean =>
    hand.frames.some((frame) => (frame.type === 'ping' || frame.type === 'commit') && (frame.position ?? '') >= position);
  await w.live.settled();
  expect(reached()).toBe(false);
  hand.waiting = 0;
  if (more) expect(await hand.until('commit', 2)).toMatchObject({ merged: true });
  else await hand.until('ping');
  expect(reached()).toBe(true);
});
