import { describe, expect, test } from 'vitest';
import type { ChangeSource, Database } from '../../src/core/index.ts';
import { bindingFor } from '../../src/main/index.ts';
import { databases, type Kind, type TestDatabase } from '../support/databases.ts';
import { until } from '../support/fleet.ts';
import { Holder } from '../support/holder.ts';
import type { Viewer } from '../support/viewer.ts';
import { world, type World } from '../support/world.ts';

// Several processes on one database and nothing else: no broker, nobody leads.
const binding = bindingFor<{ readonly id: string }>();
const bindingsOf = ({ models }: TestDatabase) => ({
  things: binding(models.thing, { fields: ['name'], writable: ['id', 'name'], groupNames: () => ['all'], hasPermission: () => true }),
});
type Node = World<ReturnType<typeof bindingsOf>>;

interface Several extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly nodes: Node[];
  /** `reading`: it reads on once this has resolved. */
  node(reading?: () => Promise<void>): Promise<Node>;
}

/** The same database, of which a process hears when it may. */
function slowed(database: Database, reading: () => Promise<void>): Database {
  return {
    ...database,
    async open(...how) {
      const open = await database.open(...how);
      const { source } = open;
      const slow = async function* (...from: Parameters<ChangeSource['read']>): ReturnType<ChangeSource['read']> {
        for await (const commits of source.read(...from)) {
          await reading();
          yield commits;
        }
      };
      return { ...open, source: held(source, slow) };
    },
  };
}

function held(source: ChangeSource, read: ChangeSource['read']): ChangeSource {
  return new Proxy(source, {
    get(target, name) {
      if (name === 'read') return read;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function several(kind: Kind, count: number): Promise<Several> {
  const database = await kind.open();
  // Without a limit the server would keep nothing for who comes later.
  const isPostgres = kind.name === 'Postgres';
  if (isPostgres) await database.run(`ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'; SELECT pg_reload_conf()`);
  const nodes: Node[] = [];
  const node = async (reading?: () => Promise<void>): Promise<Node> => {
    const source = reading ? slowed(database.source, reading) : database.source;
    const made = await world({ source, bindings: bindingsOf(database) });
    made.live.endpoint('/', {
      authenticate: (request) => ({ id: new URL(request.url).searchParams.get('as') ?? 'ann' }),
      connectionGroups: () => ['all'],
    });
    nodes.push(made);
    return made;
  };
  for (let each = 0; each < count; each++) await node();
  return {
    database,
    nodes,
    node,
    async [Symbol.asyncDispose]() {
      for (const each of nodes) await each[Symbol.asyncDispose]();
      if (isPostgres) {
        // The slot is the server's, and the next database of this file is on the same one.
        const readers = 'FROM pg_replication_slots WHERE database = current_database()';
        await until(async () => (await database.all(`SELECT 1 ${readers} AND active`)).length === 0);
        await database.run(`SELECT pg_drop_replication_slot(slot_name) ${readers}`);
      }
      await database[Symbol.asyncDispose]();
    },
  };
}

const HEAD = '00000000-0000-4000-8000-';
const key = (number: number): string => `${HEAD}${String(number).padStart(12, '0')}`;
const add = ({ database }: Several, number: number): Promise<void> =>
  database.run(`INSERT INTO thing (id, name) VALUES ('${key(number)}', 'n${number}')`);
const keys = (viewer: Viewer): readonly number[] => viewer.changes.map(([, , pk]) => Number(String(pk).slice(HEAD.length)));

describe.each(databases)('three processes on one $name', (kind) => {
  test('rows, messages to groups and revocations reach the members on all of them', async () => {
    await using all = await several(kind, 3);
    const viewers = await Promise.all(all.nodes.map((node, at) => node.viewer(`/?as=u${at}`)));
    for (let number = 0; number < 20; number++) await add(all, number);
    for (const viewer of viewers) await until(() => keys(viewer).length === 20);
    for (const viewer of viewers) expect(keys(viewer)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    for (let sent = 0; sent < 30; sent++) await all.nodes[sent % 3]?.live.groups.send('all', { from: sent % 3, sent });
    const messages = (viewer: Viewer) =>
      viewer.frames.flatMap((frame) => (frame.type === 'message' ? [frame.payload as { from: number; sent: number }] : []));
    for (const viewer of viewers) {
      await until(() => messages(viewer).length === 30);
      for (const from of [0, 1, 2]) {
        expect(messages(viewer).flatMap((each) => (each.from === from ? [each.sent] : []))).toEqual(
          Array.from({ length: 10 }, (_, at) => 3 * at + from),
        );
      }
    }
    await all.nodes[0]?.live.revoke({ user: 'u2' });
    expect((await viewers[2]?.closed)?.code).toBe(4100);
    await add(all, 20);
    for (const viewer of viewers.slice(0, 2)) await until(() => keys(viewer).includes(20));
    expect(keys(viewers[2] as Viewer)).not.toContain(20);
  });

  test('a client that was further than this process waits until it is there, and reads nothing again', async () => {
    let [go, reading] = [(): void => undefined, Promise.resolve()];
    await using all = await several(kind, 1);
    const slow = await all.node(() => reading);
    const [fast] = all.nodes as [Node];
    const ahead = await fast.viewer('/');
    ahead.send({ type: 'subscribe', id: 1, stream: 'things' });
    const { token } = await ahead.next('ready');
    reading = new Promise((resolve) => (go = resolve));
    await add(all, 1);
    await until(() => keys(ahead).length === 1);
    const { position: at } = await ahead.next('commit');
    const behind = await slow.viewer('/', { attends: false });
    behind.send({ type: 'subscribe', id: 1, stream: 'things', at, token });
    // Longer than anybody waits for what is on its way: it is what the process knows that counts, not the time.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(behind.frames.map(({ type }) => type)).toEqual(['welcome']);
    go();
    expect((await behind.next('ready')).position >= at).toBe(true);
    expect(behind.frames.filter(({ type }) => type === 'reset' || type === 'rows')).toEqual([]);
  });

  test('a place that the log never had is known for one', async () => {
    await using all = await several(kind, 1);
    const [node] = all.nodes as [Node];
    const viewer = await node.viewer('/', { attends: false });
    viewer.send({ type: 'subscribe', id: 1, stream: 'things' });
    const { position, token } = await viewer.next('ready');
    const at = (BigInt(`0x${position}`) + (1n << 40n)).toString(16).padStart(16, '0');
    const again = await node.viewer('/', { attends: false });
    again.send({ type: 'subscribe', id: 1, stream: 'things', at, token });
    expect(await again.next('reset')).toMatchObject({ reason: 'timeline' });
  });

  test('a client goes on at any of them, and at one that has only just started, with nothing lost and nothing read again', async () => {
    await using all = await several(kind, 2);
    const first = new Holder(await (all.nodes[0] as Node).viewer('/', { attends: false }));
    let had = await first.hold('things', undefined);
    for (let number = 0; number < 5; number++) await add(all, number);
    await first.until(() => had.rows.size === 5);
    for (const [at, node] of [all.nodes[1], null, all.nodes[0]].entries()) {
      const goes = node ?? (await all.node());
      const next = new Holder(await goes.viewer('/', { attends: false }));
      await add(all, 100 + at);
      const has = await next.hold('things', undefined, had);
      await next.until(() => has.rows.has(JSON.stringify(key(100 + at))));
      expect(has.resets).toEqual([]);
      expect(has.rows.size).toBe(6 + at);
      had = has;
    }
  });
});
