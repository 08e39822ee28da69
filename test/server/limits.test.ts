import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bindingFor, consumer, groupBy, type Limits } from '../../src/main/index.ts';
import { HandClock, turns } from '../support/clock.ts';
import { models } from '../support/databases.ts';
import { Viewer } from '../support/viewer.ts';
import { world } from '../support/world.ts';

// Every limit one below, at, and one above it.

const binding = bindingFor<null>();
const posts = binding(models.post, { fields: ['title'], groupNames: groupBy('blogId'), canSubscribe: () => true });
const echo = consumer({ receive: (content, { reply }) => reply(content) });

async function limited(limits: Partial<Limits>, clock?: HandClock) {
  const w = await world({ bindings: { posts }, ...(clock ? { clock } : {}) });
  w.live.endpoint('/', { consumers: { posts, echo }, limits });
  return w;
}

const message = (payload: unknown): string => JSON.stringify({ type: 'message', stream: 'echo', payload });
/** A frame of exactly so many bytes of UTF-8, some of its characters of several bytes. */
const ofBytes = (bytes: number): string => {
  const head = message('é漢🎈');
  return message('é漢🎈' + 'x'.repeat(bytes - Buffer.byteLength(head)));
};

test.each([
  [999, 'taken'],
  [1_000, 'taken'],
  [1_001, 1009],
] as const)('a frame of %i bytes where 1,000 are allowed: %s', async (bytes, outcome) => {
  await using w = await limited({ frameBytes: 1_000 });
  const viewer = await w.viewer('/');
  viewer.send(ofBytes(bytes));
  if (outcome === 'taken') expect(await viewer.next('message')).toMatchObject({ stream: 'echo' });
  else expect((await viewer.closed).code).toBe(outcome);
  const next = await w.viewer('/');
  next.send(message('the server lives'));
  await next.next('message');
});

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
// The frame itself is one level.
test.each([
  [30, true],
  [31, true],
  [32, false],
])('a payload %i levels deep in a frame of at most 32', async (depth, taken) => {
  await using w = await limited({});
  const viewer = await w.viewer('/');
  viewer.send(message(nested(depth)));
  if (taken) await viewer.next('message');
  else expect(await viewer.next('error')).toMatchObject({ code: 'too_large' });
});

// Three keys are the frame's own.
test.each([
  [2_044, true],
  [2_045, true],
  [2_046, false],
])('%i keys in a payload of a frame of at most 2,048', async (keys, taken) => {
  await using w = await limited({});
  const viewer = await w.viewer('/');
  viewer.send(message(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n]))));
  if (taken) await viewer.next('message');
  else expect(await viewer.next('error')).toMatchObject({ code: 'too_large' });
});

test('subscriptions: as many as allowed, not one more; one let go of makes room, one held already needs none', async () => {
  await using w = await limited({ subscriptions: 3 });
  const viewer = await w.viewer('/');
  const views: number[] = [];
  for (let blogId = 1; blogId <= 3; blogId++) {
    const subscribed = await viewer.subscribe('posts', { blogId });
    views.push(subscribed.type === 'subscribed' ? subscribed.view : 0);
  }
  expect(new Set(views).size).toBe(3);
  expect(await viewer.subscribe('posts', { blogId: 4 })).toMatchObject({ type: 'error', code: 'too_large' });
  expect(await viewer.subscribe('posts', { blogId: 2 })).toMatchObject({ type: 'subscribed', view: views[1] });
  viewer.send({ type: 'unsubscribe', view: views[0] });
  expect(await viewer.subscribe('posts', { blogId: 4 })).toMatchObject({ type: 'subscribed' });
});

test('connections: as many as allowed, one more is 503, one that left makes room', async () => {
  await using w = await limited({ connections: 2 });
  const first = await w.viewer('/');
  await w.viewer('/');
  const [refused, response] = await new Promise<[number, string]>((resolve) => {
    const viewer = Viewer.open(w.url('/'));
    viewer.catch((error: Error) => resolve([Number(/\d+/.exec(error.message)?.[0]), error.message]));
  });
  expect([refused, response]).toEqual([503, expect.stringContaining('503')]);
  await first.close();
  await turns(20);
  await w.viewer('/');
});

test('connections that come at once are counted at once', async () => {
  await using w = await limited({ connections: 3 });
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => w.viewer('/')));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
});

test('a socket that sends faster than the rate is read more slowly, and nothing is lost or out of order', async () => {
  const clock = new HandClock();
  await using w = await limited({ framesPerSecond: 10, burst: 5 }, clock);
  const viewer = await w.viewer('/', { attends: false });
  for (let n = 0; n < 50; n++) viewer.send(message(n));
  const came = (): number => viewer.frames.filter((frame) => frame.type === 'message').length;
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) {
      await turns(20);
      await viewer.caughtUp().catch(() => undefined);
    }
  };
  while (came() < 5) await turns();
  await turns(50);
  expect(came()).toBe(5); // the burst
  await clock.pass(1_000);
  await turns(50);
  expect(came()).toBe(15);
  while (came() < 50) await clock.pass(1_000);
  await settle();
  expect(viewer.frames.flatMap((frame) => (frame.type === 'message' ? [frame.payload] : []))).toEqual(
    Array.from({ length: 50 }, (_, n) => n),
  );
});

test('while one frame is worked on, those after it wait and are worked on in order', async () => {
  const gate = Promise.withResolvers<void>();
  const slow = consumer({
    receive: async (content, { reply }) => {
      await gate.promise;
      reply(content);
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { slow }, limits: { inFlight: 2, burst: 1_000 } });
  const viewer = await w.viewer('/');
  for (let payload = 0; payload < 300; payload++) viewer.send({ type: 'message', stream: 'slow', payload });
  await turns(20);
  gate.resolve();
  for (let payload = 0; payload < 300; payload++) expect(await viewer.next('message')).toMatchObject({ payload });
});

test.each([
  [2, 'open'],
  [3, 4000],
] as const)('%i bad frames in a row where 3 close: %s', async (count, outcome) => {
  await using w = await limited({ badFrames: 3 });
  const viewer = await w.viewer('/');
  for (let n = 0; n < count; n++) viewer.send('nonsense');
  if (outcome === 'open') {
    viewer.send(message('fine'));
    await viewer.next('message');
    for (let n = 0; n < count; n++) viewer.send('nonsense'); // counted anew
    viewer.send(message('fine'));
    await viewer.next('message');
  } else {
    expect((await viewer.closed).code).toBe(outcome);
    expect(viewer.frames.filter((frame) => frame.type === 'error')).toHaveLength(3); // the last one, too
  }
});

test('a connection as old as it may be is closed to come back: 4201, and 1000 on the seed’s wire', async () => {
  const clock = new HandClock();
  await using w = await limited({ ageSeconds: 100 }, clock);
  const [viewer, seed] = [await w.viewer('/'), await w.viewer('/', { protocol: null })];
  await turns(20);
  for (let second = 0; second < 90; second += 10) {
    await clock.pass(10_000);
    viewer.send(message('alive'));
    await viewer.next('message');
    seed.send({ stream: 'echo', payload: 'alive' });
    await seed.caughtUp();
    await turns(20);
  }
  expect(viewer.socket.readyState).toBe(viewer.socket.OPEN);
  await clock.pass(10_000);
  expect((await viewer.closed).code).toBe(4201);
  expect((await seed.closed).code).toBe(1000);
});

test('a silent socket is pinged and stays when it answers; one that does not answer is gone', async () => {
  const clock = new HandClock();
  await using w = await limited({}, clock);
  const lively = await w.viewer('/');
  const dead = await Viewer.open(w.url('/'), { autoPong: false });
  let pings = 0;
  lively.socket.on('ping', () => pings++);
  for (let beat = 0; beat < 12; beat++) {
    await clock.pass(10_000);
    await lively.caughtUp();
    await turns(20);
  }
  expect(pings).toBeGreaterThan(0);
  expect(lively.socket.readyState).toBe(lively.socket.OPEN);
  expect((await dead.closed).code).toBe(1006);
});

describe('a socket that is held up because its consumer hangs', () => {
  async function heldUp() {
    const clock = new HandClock();
    const w = await world({ bindings: { posts }, clock });
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const hangs = consumer({ receive: () => released });
    w.live.endpoint('/held/', { consumers: { echo: hangs }, limits: { inFlight: 1, connections: 1 } });
    const viewer = await w.viewer('/held/');
    for (let sent = 0; sent < 4; sent++) viewer.send(message('work'));
    await viewer.caughtUp().catch(() => undefined);
    return {
      w,
      clock,
      viewer,
      async [Symbol.asyncDispose]() {
        release();
        await w[Symbol.asyncDispose]();
      },
    };
  }

  test('is found to be gone by the pings it gets all the same', async () => {
    await using held = await heldUp();
    // So much that the server's end stops reading: then no reset is heard of by waiting.
    for (let sent = 0; sent < 10; sent++) held.viewer.send(message('x'.repeat(60_000)));
    await turns(50);
    (held.viewer.socket as unknown as { _socket: Socket })._socket.resetAndDestroy();
    await held.viewer.closed;
    for (let beat = 0; beat < 4; beat++) {
      await held.clock.pass(10_000);
      await turns(20);
    }
    await held.w.viewer('/held/'); // the only seat is free
  });

  test('is cut after 60 beats, and not before', async () => {
    await using held = await heldUp();
    for (let beat = 0; beat < 59; beat++) await held.clock.pass(10_000);
    await turns(20);
    expect(held.viewer.socket.readyState).toBe(held.viewer.socket.OPEN);
    await held.clock.pass(20_000);
    expect((await held.viewer.closed).code).toBe(1006);
  });
});
