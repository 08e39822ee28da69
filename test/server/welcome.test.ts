import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { inProcess, WebSocketDoor } from '../../src/doors/index.ts';
import { bindingFor, command, groupBy, systemClock, type Group } from '../../src/main/index.ts';
import { memory, memoryBus, memoryLedger } from '../../src/memory/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { BULK, principalOf, Server } from '../../src/server/index.ts';
import { models } from '../support/databases.ts';
import { Holder } from '../support/holder.ts';
import { Viewer } from '../support/viewer.ts';
import { Notes, world } from '../support/world.ts';

interface User {
  readonly id: string | number;
}

const binding = bindingFor<User | null>();
const posts = binding(models.post, { fields: ['title'], groupNames: groupBy('blogId') });
const things = binding(models.thing, { fields: ['name'], groupNames: () => ['all'] });

type Welcome = Extract<ServerFrame, { type: 'welcome' }>;

test('it names each stream’s key with its kinds, whether among the fields or not, and a command as null', async () => {
  await using w = await world({ bindings: { posts, things } });
  w.live.endpoint('/', { consumers: { posts, things, go: command({ input: z.null(), allow: () => true, run: () => null }) } });
  const { streams } = await (await w.viewer('/', { attends: false })).next('welcome');
  expect(streams).toMatchObject({ posts: { key: [['id', ['float', 'number']]] }, things: { key: [['id', ['text', 'string']]] }, go: null });
});

test('who the user is: the same text for one user on every endpoint and door, another for every other, and nothing to read in it', async () => {
  await using w = await world({ bindings: { posts } });
  const authenticate = (request: Request): User | null => {
    const as = request.headers.get('x-user') ?? '';
    return /^\d+$/.test(as) ? { id: Number(as) } : as === '' ? null : { id: as.replace('text ', '') };
  };
  w.live.endpoint('/', { authenticate });
  w.live.endpoint('/other/', { authenticate });
  w.live.endpoint('/open/');
  const user = async (path: string, as: string): Promise<string | null> =>
    (await (await w.viewer(path, { attends: false, headers: { 'x-user': as } })).next('welcome')).user;
  const ann = await user('/', 'ann');
  expect(ann).toMatch(/^[\w-]{16,64}$/);
  expect(ann).not.toContain('ann');
  expect(await user('/other/', 'ann')).toBe(ann);
  const others = await Promise.all(['bob', '7', 'text 7'].map((as) => user('/', as)));
  expect(new Set([ann, ...others]).size).toBe(4);
  expect(await user('/open/', 'ann')).toBeNull();
});

test('the build is the app’s own word; else another one where an endpoint offers something else', async () => {
  const build = async (
    options: { readonly build?: string },
    bindings: { readonly posts?: typeof posts; readonly things: typeof things },
  ) => {
    await using w = await world({ bindings, ...options });
    w.live.endpoint('/');
    return (await (await w.viewer('/', { attends: false })).next('welcome')).build;
  };
  expect(await build({ build: '2f1c9ab' }, { things })).toBe('2f1c9ab');
  const digest = await build({}, { things });
  expect(digest).toMatch(/^[\w-]{16}$/);
  expect(await build({}, { things })).toBe(digest);
  expect(await build({}, { posts, things })).not.toBe(digest);
  const renamed = binding(models.thing, { fields: ['name', 'id'], groupNames: () => ['all'] });
  expect(await build({}, { things: renamed as unknown as typeof things })).not.toBe(digest);
});

test.each<[string, User | null]>([
  ['a user', { id: 'ann' }],
  ['nobody in particular', null],
])(
  '%s: what was held in process is gone on from over a socket, and the other way round, and they are the same user',
  async (_who, user) => {
    const server = await Server.open({
      source: memory(),
      bindings: { posts },
      setup: 'auto',
      clock: systemClock,
      log: new Notes(),
      broker: null,
      bus: null,
      ownBus: memoryBus,
      secrets: [],
      ledger: memoryLedger,
      window: { entries: 1_000, bytes: 1 << 20, age: 60_000 },
      bulk: BULK,
      heartbeat: 60,
      build: null,
      development: true,
    });
    const groups: readonly Group[] = [posts.group({ blogId: 7 })];
    server.endpoint('/', { ...(user && { authenticate: () => user }), connectionGroups: () => groups });
    const inner = server.inner();
    const door = new WebSocketDoor(server);
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    door.attach(http);
    const row = (id: number) => ({ id, blogId: 7, title: `t${id}`, body: '', published: false, owner: null, secret: '' });
    const say = (id: number): Promise<void> => server.publish(posts, [{ before: null, after: row(id) }]);
    await say(1);

    const inside = (): { readonly frames: ServerFrame[]; send(frame: object): void; close(): void } => {
      const frames: ServerFrame[] = [];
      const socket = inProcess(server, { endpoint: inner, user, principal: principalOf(user), groups });
      socket.onmessage = ({ data }) => frames.push(JSON.parse(data) as ServerFrame);
      return { frames, send: (frame) => socket.send(JSON.stringify(frame)), close: () => socket.close() };
    };
    const of = <T extends ServerFrame['type']>(frames: readonly ServerFrame[], type: T): Extract<ServerFrame, { type: T }>[] =>
      frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);

    const before = inside();
    before.send({ type: 'subscribe', id: 1, stream: 'posts' });
    await expect.poll(() => of(before.frames, 'ready').length).toBe(1);
    const [ready] = of(before.frames, 'ready');
    before.close();
    await say(2);

    const viewer = await Viewer.open(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`, { attends: false });
    const holder = new Holder(viewer);
    const has = await holder.hold('posts', undefined, {
      rows: new Map([['1', { title: 't1' }]]),
      position: ready?.position ?? '',
      token: ready?.token ?? '',
    });
    expect(has.resets).toEqual([]);
    expect([...has.rows.keys()]).toEqual(['1', '2']);
    expect(viewer.frames.some(({ type }) => type === 'rows')).toBe(false);
    await say(3);

    const after = inside();
    after.send({ type: 'subscribe', id: 1, stream: 'posts', at: has.position, token: has.token });
    await expect.poll(() => of(after.frames, 'ready').length).toBe(1);
    expect([of(after.frames, 'reset'), of(after.frames, 'rows')]).toEqual([[], []]);
    expect(of(after.frames, 'commit').flatMap(({ changes }) => changes.map(([, , pk]) => pk))).toEqual([3]);
    const users = [before.frames, viewer.frames, after.frames].map((frames) => (frames[0] as Welcome).user);
    expect(new Set(users).size).toBe(1);
    expect(users[0] === null).toBe(user === null);

    after.close();
    viewer.socket.terminate();
    http.closeAllConnections();
    await Promise.all([door.close(), server.close('going', 'the test is over')]);
    http.close();
  },
);
