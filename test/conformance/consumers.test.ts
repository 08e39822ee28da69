import { request } from 'node:http';
import { expect, test } from 'vitest';
import { bindingFor, consumer, groupBy } from '../../src/main/index.ts';
import type { Json } from '../../src/protocol/index.ts';
import { models } from '../support/databases.ts';
import { Viewer } from '../support/viewer.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';

// What the original's own tests of consumers checked: generic consumers, the demultiplexer, ordering, groups, routing.

interface Member {
  readonly id: string;
}
const binding = bindingFor<Member | null>();
const posts = binding(models.post, { fields: ['title'], groupNames: groupBy('blogId') });

const messages = (viewer: Viewer): readonly Json[] =>
  viewer.frames.flatMap((frame) => (frame.type === 'message' ? [[frame.stream, frame.payload] as Json] : []));

test('connect, receive and disconnect reach their functions with the path’s captures, the query and a state of the connection’s own', async () => {
  const steps: Json[] = [];
  const gone = Promise.withResolvers<void>();
  const mystream = consumer({
    connect: ({ params, query, state, stream, reply }) => {
      state.count = 0;
      reply({ id: params.id ?? null, q: query.get('q'), stream });
    },
    receive: (content, { state, reply }) => reply([content, (state.count = (state.count as number) + 1)]),
    disconnect: ({ state, params }, code) => {
      steps.push(['left', state.count as number, params.id ?? null, code]);
      gone.resolve();
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/path/:id/', { consumers: { mystream } });
  const viewer = await w.viewer('/path/1%20x/?q=7', { protocol: null });
  viewer.send({ stream: 'mystream', payload: { hello: 1 } });
  viewer.send({ stream: 'mystream', payload: 'twice' });
  while (viewer.texts.length < 3) await viewer.caughtUp();
  expect(viewer.texts.map((text) => JSON.parse(text) as unknown)).toEqual([
    { stream: 'mystream', payload: { id: '1 x', q: '7', stream: 'mystream' } },
    { stream: 'mystream', payload: [{ hello: 1 }, 1] },
    { stream: 'mystream', payload: ['twice', 2] },
  ]);
  viewer.socket.close(3999);
  await gone.promise;
  expect(steps).toEqual([['left', 2, '1 x', 3999]]);
});

test('frames of one socket are worked on in the order they came, however long each takes, and the last before disconnect', async () => {
  const order: Json[] = [];
  const gone = Promise.withResolvers<void>();
  const slow = consumer({
    connect: async () => {
      await turns(3);
      order.push('connected');
    },
    receive: async (content) => {
      await turns(content as number);
      order.push(content);
    },
    disconnect: () => {
      order.push('left');
      gone.resolve();
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { slow, next: consumer({ receive: (content) => void order.push(content) }) } });
  const viewer = await w.viewer('/');
  for (const payload of [9, 1, 5]) viewer.send({ type: 'message', stream: 'slow', payload });
  viewer.send({ type: 'message', stream: 'next', payload: 'other stream' });
  viewer.send({ type: 'message', stream: 'slow', payload: 20 });
  while (order.length < 5) await turns();
  viewer.socket.terminate();
  await gone.promise;
  expect(order).toEqual(['connected', 9, 1, 5, 'other stream', 20, 'left']);
});

test('a consumer that throws has sent nothing: no reply, no group, no message to a group, no close', async () => {
  const failing = consumer({
    receive: (content, { reply, groups, close }) => {
      reply('canary');
      groups.add('room');
      groups.send('all', 'canary');
      close(4000);
      if (content === 'throw') throw new Error('on purpose');
    },
  });
  const fine = consumer({ receive: (content, { reply }) => reply(content) });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { failing, fine }, connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'message', stream: 'failing', payload: 'throw' });
  expect(await viewer.next('error')).toMatchObject({ code: 'internal' });
  await w.live.groups.send('room', 'canary');
  viewer.send({ type: 'message', stream: 'fine', payload: 'alive' });
  await viewer.next('message');
  expect(messages(viewer)).toEqual([['fine', 'alive']]);
  expect(viewer.saw('on purpose')).toBe(false);
});

test.each([
  ['a cycle', () => Object.assign([], { 0: null }) as unknown],
  ['a BigInt', () => 1n],
  ['undefined', () => undefined],
])('%s in a reply is the consumer’s error and nobody else’s', async (kind, make) => {
  const bad = consumer({
    receive: (_content, { reply }) => {
      const payload = make();
      if (kind === 'a cycle') (payload as unknown[])[0] = payload;
      reply(payload as Json);
    },
  });
  const good = consumer({ receive: (content, { reply }) => reply(content) });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { bad, good } });
  const [one, two] = [await w.viewer('/'), await w.viewer('/')];
  one.send({ type: 'message', stream: 'bad', payload: 1 });
  two.send({ type: 'message', stream: 'good', payload: 2 });
  expect(await one.next('error')).toMatchObject({ code: 'internal' });
  expect(await two.next('message')).toMatchObject({ payload: 2 });
  one.send({ type: 'message', stream: 'good', payload: 3 });
  expect(await one.next('message')).toMatchObject({ payload: 3 });
});

test('what is replied goes out before the close that follows it', async () => {
  const bye = consumer({
    receive: (_content, { reply, close }) => {
      reply('last words');
      close(4321, 'bye');
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { bye } });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'message', stream: 'bye', payload: 1 });
  expect(await viewer.closed).toEqual({ code: 4321, reason: 'bye' });
  expect(messages(viewer)).toEqual([['bye', 'last words']]);
});

test.each([0, 999, 1001, 1006, 2999, 5000])('a consumer cannot close with %i', async (code) => {
  const closing = consumer({ receive: (_content, { close }) => close(code) });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { closing } });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'message', stream: 'closing', payload: 1 });
  expect(await viewer.next('error')).toMatchObject({ code: 'internal' });
  expect(viewer.socket.readyState).toBe(viewer.socket.OPEN);
});

test('a reply after the function has ended goes out at once', async () => {
  const ticking = consumer({ connect: ({ reply }) => void setTimeout(() => reply('later'), 5) });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { ticking } });
  const viewer = await w.viewer('/');
  expect(await viewer.next('message')).toMatchObject({ stream: 'ticking', payload: 'later' });
});

test('decode is between the wire and receive; encode between reply, groups.send, live.groups.send and the wire', async () => {
  const coded = consumer({
    decode: (payload) => String(payload).toLowerCase(),
    encode: (payload) => `«${String(payload)}»`,
    connect: ({ groups }) => groups.add('room'),
    receive: (content, { reply, groups }) => {
      reply(content);
      groups.send('room', 'to the room');
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { coded } });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'message', stream: 'coded', payload: 'SHOUTED' });
  await viewer.next('message');
  await viewer.next('message');
  await w.live.groups.send('room', 'from the app', { stream: 'coded' });
  await viewer.next('message');
  expect(messages(viewer)).toEqual([
    ['coded', '«shouted»'],
    ['coded', '«to the room»'],
    ['coded', '«from the app»'],
  ]);
});

test('a group has who was added and not discarded; `others` is everybody but the sender; an endpoint without the stream hears nothing', async () => {
  const room = consumer({
    connect: ({ groups }) => groups.add('room'),
    receive: (content, { groups }) => {
      if (content === 'leave') groups.discard('room');
      else groups.send('room', content, { others: content === 'to the others' });
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { room } });
  w.live.endpoint('/elsewhere/', { consumers: {}, connectionGroups: () => ['room'] });
  const [ann, bob, eve] = [await w.viewer('/'), await w.viewer('/'), await w.viewer('/elsewhere/')];
  ann.send({ type: 'message', stream: 'room', payload: 'to all' });
  ann.send({ type: 'message', stream: 'room', payload: 'to the others' });
  await bob.next('message');
  await bob.next('message');
  bob.send({ type: 'message', stream: 'room', payload: 'leave' });
  bob.send({ type: 'message', stream: 'room', payload: 'from outside' });
  await ann.next('message');
  await ann.next('message');
  await w.live.groups.send('room', 'for the connection');
  await Promise.all([ann.next('message'), eve.next('message')]);
  expect(messages(ann)).toEqual([
    ['room', 'to all'],
    ['room', 'from outside'],
    [null, 'for the connection'],
  ]);
  expect(messages(bob)).toEqual([
    ['room', 'to all'],
    ['room', 'to the others'],
  ]);
  expect(messages(eve)).toEqual([[null, 'for the connection']]);
});

test('messages of one sender arrive in the order they were sent', async () => {
  const burst = consumer({
    receive: (_content, { groups }) => {
      for (let n = 0; n < 100; n++) groups.send('all', n);
    },
  });
  await using w = await world({ bindings: {} });
  w.live.endpoint('/', { consumers: { burst }, connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/');
  viewer.send({ type: 'message', stream: 'burst', payload: 0 });
  for (let n = 0; n < 100; n++) expect(await viewer.next('message')).toMatchObject({ payload: n });
});

test('joining a group is seen by the next commit, leaving it by the next one after that', async () => {
  const door = consumer({
    receive: (content, { groups, reply }) => {
      if (content === 'in') groups.add(posts.group({ blogId: 1 }));
      else groups.discard(posts.group({ blogId: 1 }));
      reply('done');
    },
  });
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { consumers: { posts, door } });
  const viewer = await w.viewer('/');
  const row = (id: number) => ({ id, blogId: 1, title: `post ${id}`, body: '', published: true, owner: null, secret: '' });
  for (const [id, say] of [
    [1, 'in'],
    [2, 'out'],
    [3, 'in'],
  ] as const) {
    await w.live.publish(posts, [{ before: null, after: row(id) }]);
    await w.live.settled();
    viewer.send({ type: 'message', stream: 'door', payload: say });
    await viewer.next('message');
    await viewer.next('ready'); // with the rows that there are now
  }
  await viewer.caughtUp();
  // What came with the rows, each time that the group was joined, says `merged`.
  const live = viewer.frames.flatMap((frame) => (frame.type === 'commit' && !frame.merged ? frame.changes : []));
  expect(live.map(([, , pk]) => pk)).toEqual([2]);
});

test('several endpoints on one server each offer their own streams', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/a/', { consumers: { posts } });
  w.live.endpoint('/b/', { consumers: { echo: consumer({}) } });
  const [a, b] = [await w.viewer('/a/'), await w.viewer('/b/')];
  expect(Object.keys((await a.next('welcome')).streams)).toEqual(['posts']);
  expect((await b.next('welcome')).streams).toEqual({ echo: null });
  expect(await b.write('posts', 'delete', { pk: 1 })).toMatchObject({ ok: false, code: 'unknown_stream' });
});

test('who is refused has no socket: the handshake says so', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', {
    consumers: { posts },
    authenticate: (asked) => (asked.headers.has('x-user') ? { id: asked.headers.get('x-user') as string } : null),
  });
  const status = await new Promise((resolve) => {
    const asked = request({ port: w.port, headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    asked.on('response', (response) => resolve([response.statusCode, response.headers['content-type']]));
    asked.end();
  });
  expect(status).toEqual([401, 'text/plain; charset=utf-8']);
  const user = consumer<Member>({ connect: ({ user: who, reply }) => reply(who.id) });
  w.live.endpoint('/who/', { consumers: { user }, authenticate: (asked) => ({ id: asked.headers.get('x-user') ?? '?' }) });
  const viewer = await Viewer.open(w.url('/who/'), { headers: { 'x-user': 'ann' } });
  expect(await viewer.next('message')).toMatchObject({ payload: 'ann' });
  await viewer.close();
});
