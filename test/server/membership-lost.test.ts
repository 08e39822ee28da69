import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, membership, type Database, type Rows } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { turns } from '../support/clock.ts';
import { world } from '../support/world.ts';
import { ByHand } from './by-hand.ts';

// The log cannot tell any more who belongs to what.

interface User {
  readonly id: string;
}
const task = sqliteTable('task', { id: integer().primaryKey(), orgId: integer().notNull(), title: text() });
const joins = (name: string) =>
  sqliteTable(name, { id: integer().primaryKey(), userId: text().notNull(), orgId: integer().notNull(), role: text().notNull() });
const [reader, writer] = [joins('reader'), joins('writer')];
const readers = membership(drizzle(reader), { user: 'userId', match: 'orgId' });
const writers = membership(drizzle(writer), { user: 'userId', match: 'orgId', role: 'role' });
const binding = bindingFor<User | null>();
const common = { fields: ['title'], groupNames: groupBy('orgId') } as const;
const bindings = {
  read: binding(drizzle(task), { ...common, canSubscribe: readers }),
  /** Who sees them a function says; who writes them, rows. */
  open: binding(drizzle(task), { ...common, canSubscribe: () => true, hasPermission: writers.as('editor') }),
  written: binding(drizzle(task), { ...common, canSubscribe: writers }),
  reader: binding(drizzle(reader), { fields: ['role'], groupNames: () => [] }),
  writer: binding(drizzle(writer), { fields: ['role'], groupNames: () => [] }),
};
const row = (id: number, orgId = 1) => ({ id, orgId, title: `t${id}` });
const join = (id: number, userId: string, orgId: number, role = 'editor') => ({ id, userId, orgId, role });
const create = <T>(...rows: T[]) => rows.map((after) => ({ before: null, after }));
const EMPTIED = create(join(999, 'nobody', 0));

/** A change of this row means that its table was emptied at a stroke. */
function emptied(read: (rows: Rows) => Rows = (rows) => rows): Database {
  const source = memory();
  return {
    ...source,
    async open(...args) {
      const opened = await source.open(...args);
      const log = opened.source;
      return {
        ...opened,
        rows: read(opened.rows),
        source: {
          epoch: log.epoch,
          tail: () => log.tail(),
          floor: () => log.floor(),
          acknowledge: (position) => log.acknowledge(position),
          mark: (receipt) => log.mark(receipt),
          publish: (changes, receipt) => log.publish(changes, receipt),
          async *read(after, signal) {
            for await (const commits of log.read(after, signal)) {
              yield commits.map((commit) => {
                const [change] = commit.changes;
                const isEmptied = change?.after?.[0] === 999;
                return isEmptied ? { ...commit, changes: [], lost: [{ table: change.table, reason: 'truncate' as const }] } : commit;
              });
            }
          },
        },
      };
    },
  };
}

async function served(source: Database) {
  const w = await world({ source, bindings });
  w.live.endpoint('/', {
    authenticate: (request) => {
      const id = new URL(request.url).searchParams.get('as');
      return { id } as unknown as User;
    },
    connectionGroups: (user) => (user?.id === null ? [bindings.written.group({ orgId: 1 })] : []),
  });
  await w.live.publish(bindings.open, create(row(1, 1), row(2, 2)));
  return w;
}

test('a view that does not hang on it is ready again, and so is one that belongs to nobody in particular', async () => {
  await using w = await served(emptied());
  await w.live.publish(bindings.writer, create(join(1, 'ann', 1)));
  const [ann, nobody] = [await ByHand.open(w.live, '/?as=ann'), await ByHand.open(w.live)];
  ann.ask('open', { params: { orgId: 1 } });
  ann.ask('written', { params: { orgId: 1 } });
  nobody.ask('written');
  nobody.ask('written', { params: { orgId: 1 } });
  for (const each of [ann, nobody]) await each.until('ready', 2);
  await w.live.publish(bindings.writer, EMPTIED);
  for (const each of [ann, nobody]) await each.until('ready', 4);
  await w.live.publish(bindings.open, create(row(3)));
  await w.live.settled();
  for (const each of [ann, nobody]) expect(each.of('commit').at(-1)?.changes).toHaveLength(2);
});

test('what a user belonged to before opens nothing while it is read again, whatever else is known already', async () => {
  let hold: Promise<void> | null = null;
  let letGo = (): void => undefined;
  let gone = false;
  const source = emptied((rows) => ({
    async read(table, selection, options) {
      if (table.model.table.name !== 'writer') return rows.read(table, selection, options);
      if (hold) await hold;
      const { snapshot, pages } = await rows.read(table, selection, options);
      const none = async function* () {
        for await (const page of pages) if (!gone) yield page;
      };
      return { snapshot, pages: none() };
    },
  }));
  await using w = await served(source);
  await w.live.publish(bindings.reader, create(join(1, 'ann', 1)));
  await w.live.publish(bindings.writer, create(join(1, 'ann', 1)));
  const ann = await ByHand.open(w.live, '/?as=ann');
  ann.ask('written', { params: { orgId: 1 } });
  const { view } = await ann.until('ready');
  ann.ask('written');
  const own = await ann.until('ready', 2);
  gone = true;
  hold = new Promise((resolve) => (letGo = resolve));
  await w.live.publish(bindings.writer, EMPTIED);
  await turns(20);
  const before = ann.of('rows').length;
  await w.live.publish(bindings.written, create(row(999))); // the rows are to be read again as well
  ann.send({ type: 'unsubscribe', view });
  ann.ask('written', { params: { orgId: 1 } });
  await turns(50);
  expect(ann.of('rows')).toHaveLength(before);
  letGo();
  expect((await ann.until('error')).code).toBe('forbidden');
  await ann.until('ready', 3);
  expect(ann.of('ready').at(-1)?.view).toBe(own.view);
  expect(ann.of('rows')).toHaveLength(before);
});

test('who asks while it is read is answered when it is known: nobody is told that there is nothing, or that they may not', async () => {
  const held = Promise.withResolvers<void>();
  let reading: Promise<void> | null = null;
  const source = emptied((rows) => ({
    async read(table, selection, options) {
      if (table.model.table.name === 'writer') await reading;
      return rows.read(table, selection, options);
    },
  }));
  await using w = await served(source);
  await w.live.publish(bindings.writer, create(join(1, 'ann', 1)));
  const ann = await ByHand.open(w.live, '/?as=ann');
  reading = held.promise;
  await w.live.publish(bindings.writer, EMPTIED);
  await turns(20);
  ann.ask('written');
  ann.ask('written', { params: { orgId: 1 } });
  await turns(50);
  expect([...ann.of('error'), ...ann.of('rows'), ...ann.of('ready')]).toEqual([]);
  held.resolve();
  await ann.until('ready', 2);
  expect(ann.of('error')).toEqual([]);
  expect(ann.of('rows').map(({ rows }) => rows.map(([pk]) => pk))).toEqual([[1], [1]]);
});

test('who writes while it is read is answered when it is known, and by what they belong to then', async () => {
  const held = Promise.withResolvers<void>();
  let reading: Promise<void> | null = null;
  const source = emptied((rows) => ({
    async read(table, selection, options) {
      if (reading && table.model.table.name === 'writer') await reading;
      return rows.read(table, selection, options);
    },
  }));
  await using w = await served(source);
  await w.live.publish(bindings.writer, create(join(1, 'ann', 1)));
  const ann = await ByHand.open(w.live, '/?as=ann');
  ann.ask('open', { params: { orgId: 1 } });
  await ann.until('ready');
  reading = held.promise;
  await w.live.publish(bindings.writer, EMPTIED);
  await turns(20);
  ann.send({ type: 'write', id: 7, stream: 'open', action: 'update', pk: 1, data: { title: 'mine' } });
  await turns(20);
  held.resolve();
  expect(await ann.until('result')).toMatchObject({ id: 7, ok: true });
});
