import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, membership } from '../../src/main/index.ts';
import { Holder } from '../support/holder.ts';
import { world, type World } from '../support/world.ts';

const task = sqliteTable('task', { id: integer().primaryKey(), orgId: integer().notNull(), title: text() });
const member = sqliteTable('member', {
  id: integer().primaryKey(),
  userId: text().notNull(),
  orgId: integer().notNull(),
  role: text().notNull(),
});
type Task = typeof task.$inferSelect;
type Member = typeof member.$inferSelect;
interface User {
  readonly id: string;
}
const members = membership(drizzle(member), { user: 'userId', match: 'orgId', role: 'role' });
const binding = bindingFor<User>();
const tasks = binding(drizzle(task), {
  fields: ['orgId', 'title'],
  groupNames: groupBy('orgId'),
  canSubscribe: members,
  hasPermission: members.as('editor', 'owner'),
});
/** A way for the test to write join rows in the log, that nobody sees. */
const people = binding(drizzle(member), { fields: ['role'], groupNames: () => [] });
const bindings = { tasks, people };

const row = (id: number, orgId = 1, title = `t${id}`): Task => ({ id, orgId, title });
const join = (id: number, userId: string, orgId: number, role = 'editor'): Member => ({ id, userId, orgId, role });
const create = <T>(...rows: T[]) => rows.map((after) => ({ before: null, after }));
const remove = <T>(...rows: T[]) => rows.map((before) => ({ before, after: null }));

async function opened(...joined: Member[]) {
  const w = await world({ bindings });
  w.live.endpoint('/', {
    consumers: { tasks },
    authenticate: (request) => ({ id: new URL(request.url).searchParams.get('as') ?? 'ann' }),
  });
  if (joined.length > 0) await w.live.publish(people, create(...joined));
  await w.live.publish(tasks, create(row(1, 1), row(2, 2)));
  return w;
}
const holder = async (w: World<typeof bindings>, as = 'ann'): Promise<Holder> =>
  new Holder(await w.viewer(`/?as=${as}`, { attends: false }));

test('members may ask, others may not, and the view by one’s own groups is that of all one belongs to', async () => {
  await using w = await opened(join(1, 'ann', 1), join(2, 'ann', 2));
  const ann = await holder(w);
  expect([...(await ann.hold('tasks', { orgId: 1 })).rows.keys()]).toEqual(['1']);
  expect([...(await ann.hold('tasks', undefined)).rows.keys()].sort()).toEqual(['1', '2']);
  const bob = await holder(w, 'bob');
  await expect(bob.hold('tasks', { orgId: 1 })).rejects.toThrow('forbidden');
  expect((await bob.hold('tasks', undefined)).rows.size).toBe(0);
});

test('who leaves gets nothing from that commit on, its own rows included, and its rows are gone', async () => {
  await using w = await opened(join(1, 'ann', 1), join(2, 'ann', 2));
  const ann = await holder(w);
  await ann.hold('tasks', { orgId: 1 });
  const own = await ann.hold('tasks', undefined);
  // In the commit that ends the membership there is a change of a row, too.
  await w.live.publish(people, remove(join(1, 'ann', 1)));
  await w.live.publish(tasks, [{ before: row(1), after: row(1, 1, 'CANARY') }, ...create(row(9, 1, 'CANARY'))]);
  await w.live.publish(tasks, create(row(3, 2)));
  await ann.until(() => own.ready && own.rows.has('3'));
  expect([...own.rows.keys()].sort()).toEqual(['2', '3']);
  expect(own.resets).toEqual(['membership']);
  expect(ann.dropped.size).toBe(1);
  expect(ann.viewer.texts.join()).not.toContain('CANARY');
});

test('who joins gets the rows there are, and then every change', async () => {
  await using w = await opened(join(1, 'ann', 1));
  const ann = await holder(w);
  const own = await ann.hold('tasks', undefined);
  await w.live.publish(tasks, [{ before: row(2, 2), after: row(2, 2, 'before') }]);
  await w.live.publish(people, create(join(2, 'ann', 2)));
  await ann.until(() => own.ready && own.rows.has('2'));
  await w.live.publish(tasks, [{ before: row(2, 2, 'before'), after: row(2, 2, 'after') }]);
  await ann.until(() => JSON.stringify(own.rows.get('2')).includes('after'));
  expect((await ann.hold('tasks', { orgId: 2 })).rows.size).toBe(1);
});

test('two rows that say the same are one membership: it ends with the last', async () => {
  await using w = await opened(join(1, 'ann', 1), join(2, 'ann', 1, 'reader'));
  const ann = await holder(w);
  const view = await ann.hold('tasks', { orgId: 1 });
  await w.live.publish(people, remove(join(1, 'ann', 1)));
  await w.live.publish(tasks, create(row(5)));
  await ann.until(() => view.rows.has('5'));
  expect(view.resets).toEqual([]);
  await w.live.publish(people, remove(join(2, 'ann', 1, 'reader')));
  await ann.until(() => ann.dropped.size === 1);
});

test('a role may write rows of what it is a role in, and no others; another role at once when it is given', async () => {
  await using w = await opened(join(1, 'ann', 1), join(2, 'ann', 2, 'reader'), join(3, 'bob', 2));
  const ann = await holder(w);
  await ann.hold('tasks', undefined);
  const { viewer } = ann;
  expect(await viewer.write('tasks', 'update', { pk: 1, data: { title: 'mine' } })).toMatchObject({ ok: true });
  expect(await viewer.write('tasks', 'update', { pk: 2, data: { title: 'no' } })).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await viewer.write('tasks', 'delete', { pk: 2 })).toMatchObject({ ok: false, code: 'forbidden' });
  expect(await viewer.write('tasks', 'create', { data: { title: 'no' }, params: { orgId: 2 } })).toMatchObject({
    ok: false,
    code: 'forbidden',
  });
  expect(await viewer.write('tasks', 'create', { data: { title: 'yes' }, params: { orgId: 1 } })).not.toMatchObject({ code: 'forbidden' });
  const bob = await holder(w, 'bob');
  await bob.hold('tasks', undefined);
  expect(await bob.viewer.write('tasks', 'update', { pk: 1, data: { title: 'no' } })).toMatchObject({ ok: false, code: 'not_found' });
  await w.live.publish(people, [{ before: join(2, 'ann', 2, 'reader'), after: join(2, 'ann', 2, 'owner') }]);
  await w.live.settled();
  expect(await viewer.write('tasks', 'update', { pk: 2, data: { title: 'now' } })).toMatchObject({ ok: true });
});

test('who left and came back while away gets rows, never what happened in between', async () => {
  await using w = await opened(join(1, 'ann', 1));
  const before = await holder(w);
  const had = await before.hold('tasks', { orgId: 1 });
  before.viewer.socket.terminate();
  await before.viewer.closed;
  await w.live.publish(people, remove(join(1, 'ann', 1)));
  await w.live.publish(tasks, [{ before: row(1), after: row(1, 1, 'CANARY') }]);
  await w.live.publish(tasks, [{ before: row(1, 1, 'CANARY'), after: row(1, 1, 'shown') }]);
  await w.live.publish(people, create(join(7, 'ann', 1)));
  await w.live.settled();
  const after = await holder(w);
  const has = await after.hold('tasks', { orgId: 1 }, had);
  expect(has.resets).toEqual(['membership']);
  expect(after.viewer.texts.join()).not.toContain('CANARY');
  expect([...has.rows.values()]).toEqual([{ orgId: 1, title: 'shown' }]);
});

test('a user who is another row’s user afterwards gains, and the one before loses, in one commit', async () => {
  await using w = await opened(join(1, 'ann', 1));
  const [ann, bob] = [await holder(w), await holder(w, 'bob')];
  const [hers, his] = [await ann.hold('tasks', undefined), await bob.hold('tasks', undefined)];
  await w.live.publish(people, [{ before: join(1, 'ann', 1), after: join(1, 'bob', 1) }]);
  await ann.until(() => hers.ready && hers.rows.size === 0 && hers.resets.length === 1);
  await bob.until(() => his.ready && his.rows.size === 1);
});
