import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bindingFor, consumer, type Database } from '../../src/main/index.ts';
import { memoryBroker } from '../../src/memory/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { Fleet, until, type Node } from '../support/fleet.ts';
import type { Viewer } from '../support/viewer.ts';
import { world } from '../support/world.ts';

const binding = bindingFor<{ readonly id: string } | null>();
const bindingsOf = ({ models }: TestDatabase) => ({
  things: binding(models.thing, { fields: ['name'], writable: ['id', 'name'], groupNames: () => ['all'], hasPermission: () => true }),
});
type Things = Node<ReturnType<typeof bindingsOf>>;

const talk = consumer({ receive: (payload, { groups }) => void groups.send('all', payload) });

function endpoint(node: Things, bound: ReturnType<typeof bindingsOf>): void {
  node.live.endpoint('/', {
    consumers: { ...bound, talk },
    authenticate: (request) => ({ id: new URL(request.url).searchParams.get('as') ?? 'ann' }),
    connectionGroups: () => ['all'],
  });
}

async function nodes(fleet: Fleet, count: number): Promise<Things[]> {
  const all: Things[] = [];
  const bound = bindingsOf(fleet.database);
  for (let made = 0; made < count; made++) {
    const node = await fleet.node(bound);
    endpoint(node, bound);
    all.push(node);
  }
  return all;
}

/** Names as keys that both databases take. */
const HEAD = '00000000-0000-4000-8000-';
const key = (id: string): string => HEAD + Buffer.from(id).toString('hex').padStart(12, '0');
const nameOf = (pk: unknown): string => Buffer.from(String(pk).slice(HEAD.length), 'hex').toString().replaceAll('\0', '');
const add = (fleet: Fleet, id: string): Promise<void> => fleet.database.run(`INSERT INTO thing (id, name) VALUES ('${key(id)}', 'n${id}')`);
const keys = (viewer: Viewer): readonly string[] => viewer.changes.map(([, , pk]) => nameOf(pk));

/** Until it has heard of this row; whatever it heard of before is in the order it came. */
async function heard(viewer: Viewer, id: string): Promise<void> {
  await until(() => keys(viewer).includes(id));
}

describe.each(databases)('$name', (kind) => {
  test('one process reads the log, and the viewers of all are told, in order, once', async () => {
    await using fleet = await Fleet.open(kind);
    const all = await nodes(fleet, 3);
    const viewers = await Promise.all(all.map((node) => node.viewer('/')));
    const ids = Array.from({ length: 50 }, (_, at) => `i${at}`);
    for (const id of ids) await add(fleet, id);
    for (const viewer of viewers) await heard(viewer, 'i49');
    for (const viewer of viewers) expect(keys(viewer)).toEqual(ids);
    expect(fleet.leaders(all)).toHaveLength(1);
  });

  test('a write through any process is answered by the log that another one reads', async () => {
    await using fleet = await Fleet.open(kind);
    const all = await nodes(fleet, 2);
    const viewers = await Promise.all(all.map((node) => node.viewer('/')));
    for (const [at, viewer] of viewers.entries()) {
      const answer = await viewer.write('things', 'create', { data: { id: key(`w${at}`), name: 'w' } });
      expect(answer).toMatchObject({ ok: true, pk: key(`w${at}`), position: expect.any(String) });
    }
    for (const viewer of viewers) await heard(viewer, 'w1');
    for (const viewer of viewers) expect(keys(viewer)).toEqual(['w0', 'w1']);
  });

  test.each(['close', 'drain'] as const)('who leads gives the lead away by its %s, and nothing is lost or told twice', async (how) => {
    await using fleet = await Fleet.open(kind);
    const [first, second] = (await nodes(fleet, 2)) as [Things, Things];
    expect(first.live.health().leads).toBe(true);
    const viewer = await second.viewer('/');
    await add(fleet, 'a');
    const going = how === 'close' ? first.live.close() : first.live.drain(0);
    await add(fleet, 'b');
    await going;
    await add(fleet, 'c');
    await heard(viewer, 'c');
    expect(keys(viewer)).toEqual(['a', 'b', 'c']);
    expect([first.live.health().leads, second.live.health().leads]).toEqual([false, true]);
    const terms = fleet.broker.appended.map(({ term }) => term);
    expect(new Set(terms).size).toBe(2);
  });

  test('a leader that was frozen while another took over appends nothing when it wakes, and follows', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.open(kind);
    const [first, second] = (await nodes(fleet, 2)) as [Things, Things];
    const viewers = [await first.viewer('/'), await second.viewer('/')] as const;
    await add(fleet, 'a');
    await heard(viewers[0], 'a');
    first.link.freeze();
    await add(fleet, 'b'); // it reads this, and cannot tell it
    await until(() => second.live.health().leads);
    await heard(viewers[1], 'b');
    const before = fleet.broker.appended.length;
    first.link.thaw();
    await heard(viewers[0], 'b');
    await add(fleet, 'c');
    for (const viewer of viewers) await heard(viewer, 'c');
    for (const viewer of viewers) expect(keys(viewer)).toEqual(['a', 'b', 'c']);
    await until(() => !first.live.health().leads);
    const terms = fleet.broker.appended.map(({ term }) => term);
    expect(terms).toEqual(terms.toSorted((one, other) => one - other));
    expect(new Set(terms.slice(before - 1)).size).toBe(1);
  });

  test.each([1, Infinity])(
    'a broker that lost its last entries (%d) is given them again, and nobody is told anything twice',
    async (count) => {
      await using fleet = await Fleet.open(kind);
      const all = await nodes(fleet, 2);
      const viewers = await Promise.all(all.map((node) => node.viewer('/')));
      for (const id of ['a', 'b', 'c']) await add(fleet, id);
      for (const viewer of viewers) await heard(viewer, 'c');
      await fleet.broker.lose(count);
      await add(fleet, 'd');
      for (const viewer of viewers) await heard(viewer, 'd');
      for (const viewer of viewers) expect(keys(viewer)).toEqual(['a', 'b', 'c', 'd']);
      // A process that has just begun has it from the ledger, as it was.
      const [late] = (await nodes(fleet, 1)) as [Things];
      const told = await late.viewer('/');
      await add(fleet, 'e');
      await heard(told, 'e');
      const last = new Map(fleet.broker.appended.map(({ entry }) => [entry.position, entry.deliveries.map(({ key }) => key)]));
      expect([...last].toSorted(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, rows]) => rows)).toEqual(
        ['a', 'b', 'c', 'd', 'e'].map((id) => JSON.stringify(key(id))),
      );
    },
  );

  test('an idle leader finds by itself that its ledger has lost what it held', async () => {
    await using fleet = await Fleet.open(kind);
    const [node] = (await nodes(fleet, 1)) as [Things];
    const viewer = await node.viewer('/');
    await add(fleet, 'a');
    await heard(viewer, 'a');
    const tail = await fleet.broker.ledger.tail();
    await fleet.broker.lose();
    await until(async () => (await fleet.broker.ledger.tail()) >= tail);
    expect(keys(viewer)).toEqual(['a']);
  });

  test('while the broker is away nothing is lost; back again, everything comes once', { timeout: 30_000 }, async () => {
    await using fleet = await Fleet.open(kind);
    const all = await nodes(fleet, 2);
    const viewers = await Promise.all(all.map((node) => node.viewer('/')));
    await add(fleet, 'a');
    for (const viewer of viewers) await heard(viewer, 'a');
    for (const { link } of all) link.cut();
    for (const id of ['b', 'c', 'd']) await add(fleet, id);
    await all[0]?.notes.holds('could not be told');
    for (const { link } of all) link.heal();
    for (const viewer of viewers) await heard(viewer, 'd');
    for (const viewer of viewers) expect(keys(viewer)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a gateway that is cut off says so to its clients; healed, it catches up and says that too', { timeout: 60_000 }, async () => {
    await using fleet = await Fleet.open(kind);
    const [first, second] = (await nodes(fleet, 2)) as [Things, Things];
    const [near, far] = [await first.viewer('/'), await second.viewer('/')];
    second.link.cut();
    await add(fleet, 'a');
    await heard(near, 'a');
    const stale = await far.until(
      (frame): frame is Extract<typeof frame, { type: 'ping' }> => frame.type === 'ping' && (frame.stale ?? 0) > 0,
    );
    expect(stale.stale).toBeGreaterThanOrEqual(5);
    expect(keys(far)).toEqual([]);
    expect(second.live.health().staleMs).toBeGreaterThan(0);
    second.link.heal();
    await heard(far, 'a');
    await far.until(
      (frame): frame is Extract<typeof frame, { type: 'ping' }> =>
        frame.type === 'ping' && frame.stale === undefined && frame.mark === undefined,
    );
    expect(keys(far)).toEqual(['a']);
    expect(near.frames.some((frame) => frame.type === 'ping' && frame.stale !== undefined)).toBe(false);
  });

  test('messages to groups, those of consumers and revocations reach members on every process', async () => {
    await using fleet = await Fleet.open(kind);
    const all = await nodes(fleet, 2);
    const [ann, bob] = [await (all[0] as Things).viewer('/?as=ann'), await (all[1] as Things).viewer('/?as=bob')];
    await all[0]?.live.groups.send('all', { hi: 1 });
    expect(await bob.next('message')).toMatchObject({ payload: { hi: 1 } });
    expect(await ann.next('message')).toMatchObject({ payload: { hi: 1 } });
    ann.send({ type: 'message', stream: 'talk', payload: { hi: 2 } });
    expect(await bob.next('message')).toMatchObject({ stream: 'talk', payload: { hi: 2 } });
    await all[0]?.live.revoke({ user: 'bob' });
    expect((await bob.closed).code).toBe(4100);
    await add(fleet, 'a');
    await heard(ann, 'a');
    expect(keys(bob)).toEqual([]);
  });

  test('a client goes on at any process, by any secret that is known there, and reads nothing again', async () => {
    await using fleet = await Fleet.open(kind);
    const secrets: readonly (string | readonly string[] | undefined)[] = [undefined, 'old', ['new', 'old']];
    const made: Things[] = [];
    const bound = bindingsOf(fleet.database);
    for (const secret of secrets) {
      const node = await fleet.node(bound, secret === undefined ? {} : { secret });
      endpoint(node, bound);
      made.push(node);
    }
    const [plain, old, rotated] = made as [Things, Things, Things];
    const goesOn = async (from: Things, to: Things, id: string): Promise<readonly string[]> => {
      const before = await from.viewer('/', { attends: false });
      before.send({ type: 'subscribe', id: 1, stream: 'things' });
      const { position: at, token } = await before.next('ready');
      await before.close();
      await add(fleet, id);
      await to.live.settled();
      const after = await to.viewer('/', { attends: false });
      after.send({ type: 'subscribe', id: 1, stream: 'things', at, token });
      await after.next('ready');
      const { frames } = after;
      if (!frames.some(({ type }) => type === 'reset')) expect(keys(after)).toEqual([id]);
      return frames.map(({ type }) => type).filter((type) => type === 'rows' || type === 'reset');
    };
    expect(await goesOn(plain, old, 'a')).toEqual([]);
    expect(await goesOn(old, rotated, 'b')).toEqual([]);
    expect(await goesOn(plain, rotated, 'c')).toEqual([]);
    expect(await goesOn(rotated, old, 'd')).toContain('reset'); // it was signed by one that is not known there
  });

  test('a secret that is empty, as of a variable that was not set, signs nothing that anybody could sign', async () => {
    await using fleet = await Fleet.open(kind);
    const bound = bindingsOf(fleet.database);
    const node = await fleet.node(bound, { secret: ['', ''] });
    endpoint(node, bound);
    const viewer = await node.viewer('/', { attends: false });
    viewer.send({ type: 'subscribe', id: 1, stream: 'things' });
    const { position: at, token } = await viewer.next('ready');
    const [body = '', signature] = token.split('.');
    const forged = createHmac('sha256', '').update(body).digest('base64url');
    expect(signature).not.toBe(forged);
    const again = await node.viewer('/', { attends: false });
    again.send({ type: 'subscribe', id: 1, stream: 'things', at, token: `${body}.${forged}` });
    expect(await again.next('reset')).toMatchObject({ reason: 'token_invalid' });
  });

  test('a client that was further than this process is let wait until it is there, and does not go back', async () => {
    await using fleet = await Fleet.open(kind);
    const [first, second] = (await nodes(fleet, 2)) as [Things, Things];
    const ahead = await first.viewer('/', { attends: false });
    ahead.send({ type: 'subscribe', id: 1, stream: 'things' });
    const { token } = await ahead.next('ready');
    second.link.cut();
    await add(fleet, 'a');
    const { position: at } = await ahead.next('commit');
    const behind = await second.viewer('/', { attends: false });
    behind.send({ type: 'subscribe', id: 1, stream: 'things', at, token });
    while ((await behind.next('ping')).stale === undefined);
    expect(new Set(behind.frames.map(({ type }) => type))).toEqual(new Set(['welcome', 'ping']));
    second.link.heal();
    const ready = await behind.next('ready');
    expect(ready.position >= at).toBe(true);
    expect(behind.frames.filter(({ type }) => type === 'reset' || type === 'rows')).toEqual([]);
  });

  test('a process that is closed while a client waits for what another one has does not wait for that', async () => {
    await using fleet = await Fleet.open(kind);
    const [first, second] = (await nodes(fleet, 2)) as [Things, Things];
    const ahead = await first.viewer('/', { attends: false });
    ahead.send({ type: 'subscribe', id: 1, stream: 'things' });
    const { token } = await ahead.next('ready');
    second.link.cut();
    await add(fleet, 'a');
    const { position: at } = await ahead.next('commit');
    const behind = await second.viewer('/', { attends: false });
    behind.send({ type: 'subscribe', id: 1, stream: 'things', at, token });
    behind.send({ type: 'at', mark: 0 });
    await behind.caughtUp();
    await second.live.close();
    expect(second.notes.count('closing without waiting')).toBe(0);
  });

  test('a broker needs a database that can say who reads for all', async () => {
    await using fleet = await Fleet.open(kind);
    const { source } = fleet.database;
    const leaseless: Database = {
      ...source,
      name: 'elsewhere()',
      open: async (bound, options) => {
        const { lease: _, ...opened } = await source.open(bound, options);
        return opened;
      },
    };
    await expect(world({ source: leaseless, broker: memoryBroker(), bindings: bindingsOf(fleet.database) })).rejects.toMatchObject({
      code: 'source_unsupported',
      message: expect.stringContaining('postgres() or sqlite()'),
    });
  });
});
