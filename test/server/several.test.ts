import { describe, expect, test } from 'vitest';
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
  node(): Promise<Node>;
}

async function several(kind: Kind, count: number): Promise<Several> {
  const database = await kind.open();
  // Without a limit the server would keep nothing for who comes later.
  const isPostgres = kind.name === 'Postgres';
  if (isPostgres) await database.run(`ALTER SYSTEM SET max_slot_wal_keep_size = '1GB'; SELECT pg_reload_conf()`);
  const nodes: Node[] = [];
  const node = async (): Promise<Node> => {
    const made = await world({ source: database.source, bindings: bindingsOf(database) });
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
