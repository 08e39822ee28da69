import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, membership } from '../../src/main/index.ts';
import { memoryLedger } from '../../src/memory/index.ts';
import { world } from '../support/world.ts';

// A database is ahead of its log: what is read in it is told by the rights of the place where it stands, and not by those that were known before.

const task = sqliteTable('task', { id: integer().primaryKey(), orgId: integer().notNull(), title: text() });
const member = sqliteTable('member', { id: integer().primaryKey(), userId: text().notNull(), orgId: integer().notNull() });
const members = membership(drizzle(member), { user: 'userId', match: 'orgId' });
const tasks = bindingFor<{ readonly id: string }>()(drizzle(task), {
  fields: ['title'],
  groupNames: groupBy('orgId'),
  canSubscribe: members,
  hasPermission: () => true,
});
const people = bindingFor<{ readonly id: string }>()(drizzle(member), { fields: ['userId'], groupNames: () => [] });
const ann = { id: 1, userId: 'ann', orgId: 1 };
const row = { id: 1, orgId: 1, title: 'old' };

/** Its log comes on only while it may. */
async function served() {
  let gate = Promise.resolve();
  let open = (): void => undefined;
  const w = await world({
    bindings: { tasks, people },
    ledger: (start, options) => {
      const ledger = memoryLedger(start, options);
      return {
        floor: () => ledger.floor(),
        tail: () => ledger.tail(),
        lead: () => ledger.lead(),
        append: (entries, term) => ledger.append(entries, term),
        async *follow(after, signal) {
          for await (const entries of ledger.follow(after, signal)) {
            await gate;
            yield entries;
          }
        },
      };
    },
  });
  w.live.endpoint('/', { consumers: { tasks }, authenticate: () => ({ id: 'ann' }) });
  await w.live.publish(people, [{ before: null, after: ann }]);
  await w.live.publish(tasks, [{ before: null, after: row }]);
  return {
    w,
    hold: () => void (gate = new Promise((resolve) => (open = resolve))),
    go: () => open(),
  };
}

const write = { type: 'write', stream: 'tasks', action: 'update', pk: 1, data: { title: 'mine' }, if: { title: 'old' } };

test.each([
  ['a write', { ...write, id: 1 }, {}],
  ['a batch', { type: 'batch', id: 1, writes: [{ ...write, type: undefined }] }, { at: 0 }],
])('a conflict tells nothing of a row to who has lost it by then: %s', async (_what, frame, place) => {
  const { w, hold, go } = await served();
  await using _ = w;
  const viewer = await w.viewer('/', { hello: 'a-client-name' });
  hold();
  await w.live.publish(people, [{ before: ann, after: null }]);
  await w.live.publish(tasks, [{ before: row, after: { ...row, title: 'CANARY' } }]);
  viewer.send(frame);
  viewer.send({ type: 'message', stream: 'nothing', payload: 1 });
  await viewer.next('error'); // the write has been looked at
  expect(viewer.saw('CANARY')).toBe(false);
  go();
  expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'not_found', message: 'there is no such row', ...place });
  viewer.send(frame);
  const again = await viewer.answer(1);
  expect(again.ok).toBe(false);
  await w.live.settled();
  await viewer.caughtUp();
  expect(viewer.saw('CANARY')).toBe(false);
  expect(viewer.saw('"title is')).toBe(false);
});

test('where the log does not come, a conflict is told in time, and nothing of the row', async () => {
  const { w, hold, go } = await served();
  await using _ = w;
  const viewer = await w.viewer('/');
  hold();
  await w.live.publish(tasks, [{ before: row, after: { ...row, title: 'new' } }]);
  viewer.send({ ...write, id: 1 });
  const late = await viewer.answer(1);
  expect(late).toMatchObject({ ok: false, code: 'conflict' });
  expect(late).not.toHaveProperty('row');
  go();
  await w.live.settled();
  await viewer.caughtUp();
  expect(viewer.frames.filter(({ type }) => type === 'seen')).toEqual([]);
  viewer.send({ ...write, id: 2 });
  expect(await viewer.answer(2)).toMatchObject({ code: 'conflict', row: { title: 'new' } });
});

test('an answer that the log brings is not that of another write under the same id', async () => {
  const { w, hold, go } = await served();
  await using _ = w;
  const [one, other] = [await w.viewer('/', { hello: 'a-client-name' }), await w.viewer('/', { hello: 'a-client-name' })];
  hold();
  one.send({ type: 'write', id: 1, stream: 'tasks', action: 'update', pk: 1, data: { title: 'one' } });
  other.send({ type: 'write', id: 1, stream: 'tasks', action: 'delete', pk: 1 });
  go();
  const answers = [await one.answer(1), await other.answer(1)];
  expect(answers.map((answer) => (answer.ok ? 'ok' : answer.code)).sort()).toEqual(['key_reused', 'ok']);
});
