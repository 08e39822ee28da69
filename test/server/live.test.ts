import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';

const binding = bindingFor<{ readonly id: string } | null>();
const posts = binding(models.post, {
  fields: ['blogId', 'title'],
  groupNames: groupBy('blogId'),
  canSubscribe: (user, { blogId }) => user?.id === 'ann' && blogId === 1,
  hasPermission: (user) => user?.id === 'ann',
});
const row = (id: number, blogId: number | null, title = 't') => ({
  id,
  blogId,
  title,
  body: '',
  published: true,
  owner: null,
  secret: 'canary',
});

test('live.as is held to the same checks as any socket', async () => {
  await using w = await world({ bindings: { posts } });
  const [ann, bob] = [w.live.as({ id: 'ann' }), w.live.as({ id: 'bob' })];
  const refused = new Promise((resolve) => bob.on('error', resolve));
  bob.stream('posts', { blogId: 1 });
  expect(await refused).toMatchObject({ code: 'forbidden' });
  const hers = ann.stream('posts', { blogId: 1 });
  const came: unknown[] = [];
  hers.on('change', ({ action, pk, data }) => came.push([action, pk, data?.title]));
  await new Promise<void>((resolve) => hers.on('ready', () => resolve()));
  await w.live.publish(posts, [{ before: null, after: row(1, 1) }]);
  await w.live.settled();
  expect(await hers.update(1, { title: 'hers' })).toEqual({ ok: true, pk: 1 });
  expect(await bob.stream('posts').update(1, { title: 'his' })).toMatchObject({ ok: false, code: 'not_found' });
  expect(came).toEqual([
    ['create', 1, 't'],
    ['update', 1, 'hers'],
  ]);
});

test('after settled, everything committed before is with every connection', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/', { connectionGroups: () => [posts.group({ blogId: 1 })] });
  const viewers = await Promise.all(Array.from({ length: 5 }, () => w.viewer('/')));
  for (let id = 1; id <= 50; id++) await w.live.publish(posts, [{ before: null, after: row(id, 1) }]);
  await w.live.settled();
  for (const viewer of viewers) {
    await viewer.caughtUp();
    expect(viewer.changes.map(([, , pk]) => pk)).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    expect(new Set(viewer.texts.slice(1))).toEqual(new Set(viewers[0]?.texts.slice(1))); // the same bytes for all
    expect(viewer.saw('canary')).toBe(false);
  }
});

test('a viewer in several groups of a row hears of it once, and by all it holds', async () => {
  const many = binding(models.post, { fields: ['title'], groupNames: ({ owner, blogId }) => [`o-${owner}`, `b-${blogId}`, 'all', 'all'] });
  await using w = await world({ bindings: { many } });
  w.live.endpoint('/', { connectionGroups: () => ['b-1', 'b-2', 'all'] });
  w.live.endpoint('/one/', { connectionGroups: () => ['b-1'] });
  const [all, one] = [await w.viewer('/'), await w.viewer('/one/')];
  await w.live.publish(many, [{ before: null, after: row(1, 1) }]);
  await w.live.publish(many, [{ before: row(1, 1), after: row(1, 2, 'moved') }]);
  await w.live.settled();
  await Promise.all([all.caughtUp(), one.caughtUp()]);
  expect(all.changes.map(([, action]) => action)).toEqual(['create', 'update']);
  expect(one.changes.map(([, action]) => action)).toEqual(['create', 'delete']);
});

test('what is published must be a change of a bound row', async () => {
  await using w = await world({ bindings: { posts } });
  await expect(w.live.publish(posts, [{ before: null, after: null }])).rejects.toMatchObject({ code: 'publish_invalid' });
  const stranger = binding(models.post, { fields: ['title'], groupNames: () => [] as string[] });
  await expect(w.live.publish(stranger, [{ before: null, after: row(1, 1) }])).rejects.toMatchObject({ code: 'publish_invalid' });
});

test('an endpoint declared wrongly is refused, and the message names the cure', async () => {
  await using w = await world({ bindings: { posts } });
  w.live.endpoint('/a/');
  const stranger = binding(models.post, { fields: ['title'], groupNames: () => [] as string[] });
  for (const [declare, cure] of [
    [() => w.live.endpoint('/a/'), /declared twice/],
    [() => w.live.endpoint('b'), /begins with "\/"/],
    [() => w.live.endpoint('/:1x/'), /letters, digits/],
    [() => w.live.endpoint('/c/', { consumers: { other: stranger } }), /add it to the `bindings`/],
    [() => w.live.endpoint('/d/', { consumers: { posts: { consumer: true } } }), /give the consumer another/],
  ] as const) {
    expect(declare).toThrow(cure);
  }
});

test('two models of one table are one table when they are the same, and refused when they are not', async () => {
  const again = binding({ ...models.post }, { fields: ['title'], groupNames: () => ['all'] });
  const other = binding({ ...models.post, columns: models.post.columns.slice(0, 3) }, { fields: ['title'], groupNames: () => ['all'] });
  await using w = await world({ bindings: { posts, again } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  const viewer = await w.viewer('/');
  await w.live.publish(posts, [{ before: null, after: row(1, 1) }]);
  expect((await viewer.next('commit')).changes).toEqual([[2, 'create', 1, { title: 't' }]]);
  await expect(world({ bindings: { posts, other } })).rejects.toMatchObject({ code: 'binding_invalid' });
});

test('close ends every connection with its code, and what is asked after it says that it is closed', async () => {
  const w = await world({ bindings: { posts } });
  w.live.endpoint('/');
  const [viewer, seed] = [await w.viewer('/'), await w.viewer('/', { protocol: null })];
  await Promise.all([w.live.close(), w.live.close()]);
  expect((await viewer.closed).code).toBe(4300);
  expect((await seed.closed).code).toBe(4300);
  await expect(w.live.settled()).rejects.toMatchObject({ code: 'closed' });
  expect(() => w.live.as({ id: 'ann' })).toThrow(/closed/);
  await w[Symbol.asyncDispose]();
});

test('after close a process has nothing left to wait for, even with a peer that does not close', async () => {
  const script = `
    import { createServer } from 'node:http';
    import { connect } from 'node:net';
    import { rowcast } from ${JSON.stringify(fileURLToPath(new URL('../../src/main/index.ts', import.meta.url)))};
    import { memory } from ${JSON.stringify(fileURLToPath(new URL('../../src/memory/index.ts', import.meta.url)))};
    const live = await rowcast({ source: memory(), bindings: {} });
    live.endpoint('/');
    const http = createServer();
    live.attach(http);
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    const peer = connect({ port: http.address().port, host: '127.0.0.1', allowHalfOpen: true });
    peer.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n');
    await new Promise((resolve) => peer.once('data', resolve));
    peer.on('error', () => undefined);
    peer.pause();
    await live.close();
    http.close();
    peer.unref();
    console.log('closed');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
  expect(stdout).toBe('closed\n');
});

test('a client that uses another user’s client name and write id gets its own answer, and takes none away', async () => {
  const gate = Promise.withResolvers<void>();
  const values = binding(models.integerValue, {
    fields: ['name', 'value'],
    groupNames: () => ['all'],
    hasPermission: async (user) => {
      if (user?.id === 'ann') await gate.promise;
      return true;
    },
  });
  await using w = await world({ bindings: { values } });
  w.live.endpoint('/', { authenticate: (request) => ({ id: request.headers.get('x-user') ?? '' }) });
  const [ann, eve] = [await w.viewer('/', { headers: { 'x-user': 'ann' } }), await w.viewer('/', { headers: { 'x-user': 'eve' } })];
  for (const [viewer, name] of [
    [ann, 'ann'],
    [eve, 'eve'],
  ] as const) {
    viewer.send({ type: 'hello', client: 'the-name-of-ann' });
    viewer.send({ type: 'write', id: 1, stream: 'values', action: 'create', data: { name, value: 1 } });
    await viewer.caughtUp();
    await turns(50);
  }
  gate.resolve();
  expect(await ann.answer(1)).toMatchObject({ ok: true, pk: 1 });
  expect(await eve.answer(1)).toMatchObject({ ok: true, pk: 2 });
});
