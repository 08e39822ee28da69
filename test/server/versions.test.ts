import { describe, expect, test } from 'vitest';
import { bindingFor, groupBy, membership, type Bindings } from '../../src/main/index.ts';
import { memoryBus } from '../../src/memory/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { databases, type Models } from '../support/databases.ts';
import { Fleet, until, type Node } from '../support/fleet.ts';
import type { Viewer } from '../support/viewer.ts';

const binding = bindingFor<{ readonly id: string } | null>();
/** Two versions of one stream: the newer one has another field, and shows rows that the older one shows nobody. */
function versionsOf(models: Models): { readonly OLD: Bindings; readonly NEW: Bindings } {
  const things = binding(models.thing, { fields: ['name'], groupNames: () => ['all'] });
  const older = binding(models.post, { fields: ['title'], groupNames: ({ published }) => (published ? ['all'] : []) });
  const newer = binding(models.post, { fields: ['title', 'body'], groupNames: () => ['all'] });
  return { OLD: { things, posts: older }, NEW: { things, posts: newer } };
}

async function started<B extends Bindings>(fleet: Fleet, bindings: B): Promise<Node<B>> {
  const node = await fleet.node(bindings);
  node.live.endpoint('/', { connectionGroups: () => ['all'] });
  return node;
}

/** Holds one stream. */
async function viewer(node: Node<Bindings>, stream: 'things' | 'posts'): Promise<Viewer> {
  const viewer = await node.viewer('/', { attends: false });
  viewer.send({ type: 'subscribe', id: 1, stream });
  await viewer.next('ready');
  return viewer;
}

const A = '00000000-0000-4000-8000-00000000000a';
const thing = (id: string): string => `INSERT INTO thing (id, name) VALUES ('${id}', 'n')`;
const post = (id: number, published = true): string =>
  `INSERT INTO post (id, title, body, published) VALUES (${id}, 't${id}', 'b${id}', ${published})`;
const keys = (who: Viewer): readonly unknown[] => who.changes.map(([, , pk]) => pk);
const rows = (who: Viewer): readonly unknown[] =>
  who.frames.flatMap((frame) => (frame.type === 'rows' ? frame.rows.map(([pk]) => pk) : []));
const leads = (node: Node<Bindings>): boolean => node.live.health().leads;

describe.each(databases)('$name', (kind) => {
  test('the newest bindings read: who views what they changed goes elsewhere, once, and others never notice', async () => {
    await using fleet = await Fleet.open(kind);
    const { OLD, NEW } = versionsOf(fleet.database.models);
    const old = [await started(fleet, OLD), await started(fleet, OLD)] as const;
    const same = [await viewer(old[0], 'things'), await viewer(old[1], 'things')];
    const changed = [await viewer(old[0], 'posts'), await viewer(old[1], 'posts')];
    await fleet.database.run(post(1));
    for (const each of changed) await until(() => keys(each).length === 1);

    const fresh = await started(fleet, NEW);
    await until(() => leads(fresh));
    for (const each of changed) {
      const going = await each.next('going');
      expect(going.retryMs).toBeGreaterThan(0);
      expect((await each.closed).code).toBe(4300);
    }
    const told = await viewer(fresh, 'posts');
    const also = await viewer(fresh, 'things');
    await fleet.database.run(post(2, false)); // nobody's by the older ones
    await fleet.database.run(thing(A));
    await until(() => keys(told).length === 1);
    expect(told.changes).toEqual([[expect.any(Number), 'create', 2, expect.objectContaining({ title: 't2', body: 'b2' })]]);
    for (const each of [...same, also]) {
      await until(() => keys(each).length === 1);
      expect(keys(each)).toEqual([A]);
      expect(each.frames.some(({ type }) => type === 'reset' || type === 'going')).toBe(false);
    }
    // Whoever asks the older ones for it is sent elsewhere too.
    const late = await old[0].viewer('/', { attends: false });
    late.send({ type: 'subscribe', id: 1, stream: 'posts' });
    expect((await late.next('going')).retryMs).toBeGreaterThan(0);
  });

  test('rolling back is the same: what was told meanwhile by others is read again, and not gone on from', async () => {
    await using fleet = await Fleet.open(kind);
    const { OLD, NEW } = versionsOf(fleet.database.models);
    const old = await started(fleet, OLD);
    const before = await viewer(old, 'posts');
    const { position: at, token } = before.frames.find((frame) => frame.type === 'ready') as { position: string; token: string };
    const fresh = await started(fleet, NEW);
    await until(() => leads(fresh));
    const newest = await viewer(fresh, 'posts');
    await fleet.database.run(post(1));
    await fleet.database.run(post(2, false));
    await until(() => keys(newest).length === 2);

    const back = await started(fleet, OLD);
    await until(() => leads(back));
    expect((await newest.closed).code).toBe(4300);
    expect(fresh.live.health().elsewhere).toEqual(['posts']);
    for (const node of [old, back]) {
      await until(() => node.live.health().elsewhere.length === 0);
      const again = await node.viewer('/', { attends: false });
      again.send({ type: 'subscribe', id: 1, stream: 'posts', at, token });
      expect(await again.next('reset')).toMatchObject({ reason: 'bindings' });
      await again.next('ready');
      expect(rows(again)).toEqual(node === old ? [1] : [1, 3]);
      await fleet.database.run(post(node === old ? 3 : 4));
      await until(() => keys(again).length === 1);
    }
  });

  test('who left and came back while others said who belongs to what is told nothing of between', async () => {
    await using fleet = await Fleet.open(kind);
    const { post: posts, label } = fleet.database.models;
    const by = (match: 'postId' | 'id'): Bindings => ({
      posts: bindingFor<{ readonly id: string }>()(posts, {
        fields: ['title'],
        groupNames: groupBy('blogId'),
        canSubscribe: membership(label, { user: 'name', match }),
      }),
    });
    const begun = async (match: 'postId' | 'id'): Promise<Node<Bindings>> => {
      const node = await fleet.node(by(match));
      node.live.endpoint('/', { authenticate: () => ({ id: 'ann' }) });
      return node;
    };
    await fleet.database.run(
      `INSERT INTO post (id, blog_id, title, body) VALUES (1, 1, 't', ''); INSERT INTO label (id, post_id, name) VALUES (1, 1, 'ann')`,
    );
    const old = await begun('postId');
    const before = await old.viewer('/', { attends: false });
    before.send({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 1 } });
    const { position: at, token } = await before.next('ready');
    const fresh = await begun('id');
    await until(() => leads(fresh));
    await before.closed;
    await fleet.database.run(
      `DELETE FROM label; UPDATE post SET title = 'between'; UPDATE post SET title = 'now'; INSERT INTO label (id, post_id, name) VALUES (2, 1, 'ann')`,
    );
    await fresh.live.settled();
    const back = await begun('postId');
    await until(() => leads(back));
    for (;;) {
      const again = await old.viewer('/', { attends: false });
      const first = await again.until((frame): frame is ServerFrame => frame.type === 'welcome' || frame.type === 'going');
      if (first.type === 'going') continue; // it is not yet known here who belongs to what
      again.send({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 1 }, at, token });
      await again.next('ready');
      expect(again.frames.filter(({ type }) => type === 'reset')).toMatchObject([{ reason: 'bindings' }]);
      expect([again.saw('between'), again.saw('now')]).toEqual([false, true]);
      return;
    }
  });

  test.each([
    ['is asked differently', (user: unknown) => user === null],
    ['is known of join rows', null],
  ])('a stream is another one where who may view it %s: nobody waits for rows that are told to others', async (_how, otherwise) => {
    await using fleet = await Fleet.open(kind);
    const { post: posts, label } = fleet.database.models;
    const by = (canSubscribe: ((user: unknown) => boolean) | null): Bindings => ({
      posts: binding(posts, {
        fields: ['title'],
        groupNames: groupBy('blogId'),
        canSubscribe: canSubscribe ?? membership(label, { user: 'name', match: 'postId' }),
      }),
    });
    const old = await started(
      fleet,
      by(() => true),
    );
    const before = await old.viewer('/', { attends: false });
    before.send({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 1 } });
    await before.next('ready');
    const fresh = await started(fleet, by(otherwise));
    await until(() => leads(fresh));
    await fleet.database.run(`INSERT INTO post (id, blog_id, title, body) VALUES (1, 1, 't', '')`);
    expect((await before.closed).code).toBe(4300);
  });

  test('who leads, and by what, is heard over the broker, whatever carries the messages of the app', async () => {
    await using fleet = await Fleet.open(kind);
    const { OLD, NEW } = versionsOf(fleet.database.models);
    const aside = async (bindings: Bindings): Promise<Node<Bindings>> => {
      const node = await fleet.node(bindings, { bus: memoryBus() });
      node.live.endpoint('/', { connectionGroups: () => ['all'] });
      return node;
    };
    const old = await aside(OLD);
    const changed = await viewer(old, 'posts');
    const fresh = await aside(NEW);
    await until(() => leads(fresh));
    expect((await changed.closed).code).toBe(4300); // though nothing happened that could have said so
    expect(old.live.health().elsewhere).toEqual(['posts']);
  });

  test('a process that begins knows by whom the log is read, however long nothing happens', async () => {
    await using fleet = await Fleet.open(kind);
    const { OLD, NEW } = versionsOf(fleet.database.models);
    const old = await started(fleet, OLD);
    await fleet.database.run(thing(A));
    const fresh = await started(fleet, NEW);
    expect([leads(old), leads(fresh)]).toEqual([false, true]);
    const other = await started(fleet, NEW);
    expect([leads(fresh), leads(other)]).toEqual([true, false]); // the same bindings: nothing to ask for
  });
});
