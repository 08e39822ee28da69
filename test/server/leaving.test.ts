import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { HandClock } from '../support/clock.ts';
import { Holder } from '../support/holder.ts';
import { world, type World } from '../support/world.ts';

// Who may stay, for how long, and how a server that goes down sends its clients away.

interface User {
  readonly id: string;
  readonly session?: string;
  readonly until?: number;
  readonly blogs: readonly number[];
}
const post = sqliteTable('post', { id: integer().primaryKey(), blogId: integer().notNull(), title: text() });
const posts = bindingFor<User>()(drizzle(post), {
  fields: ['title'],
  groupNames: groupBy('blogId'),
  canSubscribe: (user, { blogId }) => user.blogs.includes(blogId),
});
const row = (id: number, title = `t${id}`) => ({ id, blogId: 7, title });
const create = (id: number, title?: string) => [{ before: null, after: row(id, title) }];

type W = World<{ posts: typeof posts }>;
function endpoint(w: W, more: object = {}, user: Partial<User> = {}): void {
  w.live.endpoint('/', {
    authenticate: (request) => {
      const { searchParams } = new URL(request.url);
      return { id: searchParams.get('as') ?? 'ann', session: searchParams.get('session') ?? 's', blogs: [7, 8], ...user };
    },
    ...more,
  });
}
const holder = async (w: W, query = ''): Promise<Holder> => new Holder(await w.viewer(`/?${query}`, { attends: false }));

test('a user whose access is taken back gets nothing that is committed after that, on no connection; others stay', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  const [one, two, bob] = [await holder(w), await holder(w, 'session=other'), await holder(w, 'as=bob')];
  for (const each of [one, two, bob]) await each.hold('posts', { blogId: 7 });
  await w.live.publish(posts, create(1));
  const revoked = w.live.revoke({ user: 'ann' });
  const published = w.live.publish(posts, create(2, 'CANARY'));
  expect((await one.viewer.closed).code).toBe(4100);
  expect((await two.viewer.closed).code).toBe(4100);
  await Promise.all([revoked, published, w.live.settled()]);
  await bob.until(({ views }) => [...views.values()].some(({ rows }) => rows.has('2')));
  for (const { viewer } of [one, two]) {
    expect(viewer.texts.join()).toContain('t1');
    expect(viewer.texts.join()).not.toContain('CANARY');
  }
});

test('one session of the app’s own ends, and the user’s others stay', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  const [phone, laptop] = [await holder(w, 'session=phone'), await holder(w, 'session=laptop')];
  await w.live.revoke({ session: 'phone' });
  expect((await phone.viewer.closed).code).toBe(4100);
  expect((await laptop.hold('posts', { blogId: 7 })).ready).toBe(true);
});

test('who was revoked while away is not told what happened since, though they may come in again', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  const before = await holder(w);
  const had = await before.hold('posts', { blogId: 7 });
  before.viewer.socket.terminate();
  await before.viewer.closed;
  await w.live.publish(posts, create(1, 'CANARY'));
  await w.live.publish(posts, [{ before: row(1, 'CANARY'), after: row(1, 'shown') }]);
  await w.live.revoke({ user: 'ann' });
  const after = await holder(w);
  const has = await after.hold('posts', { blogId: 7 }, had);
  expect(has.resets).toEqual(['permission_changed']);
  expect(after.viewer.texts.join()).not.toContain('CANARY');
});

test('credentials run out: said a minute before, closed on time, and longer by newer ones in between', async () => {
  const clock = new HandClock();
  await using w = await world({ source: memory(), bindings: { posts }, clock });
  let until = clock.time() + 90_000;
  endpoint(w, {
    authenticate: () => ({ id: 'ann', blogs: [7, 8], until }),
    refresh: (token: string, user: User) =>
      token === 'ann' ? { ...user, until, blogs: [7] } : token === 'bob' ? { ...user, id: 'bob' } : null,
  });
  const { viewer } = new Holder(await w.viewer('/', { attends: false }));
  viewer.send({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
  viewer.send({ type: 'subscribe', id: 2, stream: 'posts', params: { blogId: 8 } });
  await viewer.next('ready');
  await viewer.next('ready');
  await clock.pass(31_000);
  expect(await viewer.next('expiring')).toEqual({ type: 'expiring', seconds: 60 });
  until += 3_600_000;
  for (const [id, token] of ['bob', 'nobody'].entries()) {
    viewer.send({ type: 'refresh', id: 10 + id, token });
    expect(await viewer.next('error')).toMatchObject({ code: 'forbidden', id: 10 + id });
  }
  viewer.send({ type: 'refresh', id: 3, token: 'ann' });
  expect(await viewer.next('dropped')).toMatchObject({ code: 'forbidden' }); // blog 8 is not theirs any more
  expect(await viewer.next('refreshed')).toEqual({ type: 'refreshed', id: 3 });
  await clock.pass(600_000);
  expect(viewer.socket.readyState).toBe(1);
  await clock.pass(3_600_000);
  expect((await viewer.closed).code).toBe(4101);
});

test('the ping says where the log is, and for how long it could not be read', async () => {
  const source = memory();
  let broken = false;
  let breakNow = (): void => undefined;
  const breaking: typeof source = {
    ...source,
    async open(...args) {
      const opened = await source.open(...args);
      const log = opened.source;
      return {
        ...opened,
        source: {
          epoch: log.epoch,
          tail: () => log.tail(),
          floor: () => log.floor(),
          acknowledge: (position) => log.acknowledge(position),
          mark: (receipt) => log.mark(receipt),
          publish: (changes, receipt) => log.publish(changes, receipt),
          async *read(after, signal) {
            if (broken) throw new Error('on purpose');
            const ends = new AbortController();
            breakNow = () => ends.abort();
            yield* log.read(after, AbortSignal.any([signal, ends.signal]));
          },
        },
      };
    },
  };
  const clock = new HandClock();
  await using w = await world({ source: breaking, bindings: { posts }, clock, heartbeat: 5 });
  endpoint(w);
  const { viewer } = await holder(w);
  await clock.pass(5_000);
  expect(await viewer.next('ping')).toEqual({ type: 'ping', position: expect.stringMatching(/^[0-9a-f]{16}$/) });
  broken = true;
  breakNow();
  await clock.pass(12_000);
  const stale = await viewer.until((frame): frame is { type: 'ping'; stale: number } => frame.type === 'ping' && (frame.stale ?? 0) > 5);
  expect(stale.stale).toBeLessThanOrEqual(12);
  broken = false;
  await clock.pass(40_000);
  await viewer.until((frame): frame is { type: 'ping' } => frame.type === 'ping' && frame.stale === undefined);
});

test('a server that goes down sends its clients away one after the other, each with a time of its own to come back', async () => {
  await using w = await world({ bindings: { posts } });
  endpoint(w);
  const holders = await Promise.all(Array.from({ length: 20 }, () => holder(w)));
  await w.live.drain(400);
  const waits = await Promise.all(
    holders.map(async ({ viewer }) => {
      expect((await viewer.closed).code).toBe(4300);
      return viewer.frames.flatMap((frame) => (frame.type === 'going' ? [frame.retryMs] : []))[0] as number;
    }),
  );
  expect(new Set(waits).size).toBe(20);
  await expect(w.viewer('/')).rejects.toThrow('503');
});
