import assert from 'node:assert/strict';
import type { Condition, Row, Selection } from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import { tableOf, type Opened } from './opened.ts';
import { readAll } from './reading.ts';
import { fillMembers, membersOf } from './rows-page-laws.ts';
import type { Laws } from './runner.ts';

type Tuples = readonly (readonly unknown[])[];

/** Which rows. */
export function selectionLaws({ dialect }: DatabaseFixture): Laws<Opened> {
  /** `member`'s column is one of these values, as the ORM would write it. */
  const among = (column: string, ...values: readonly unknown[]): Condition => ({
    sql: `"member"."${column}" in (${values.map((_, at) => (dialect === 'postgres' ? `$${at + 1}` : '?')).join(', ')})`, // sql: a column of the suite
    params: values,
  });

  return {
    async 'rows by values are those that have one of the tuples, in the order of the key, each once'(opened) {
      const { read, rows } = await members(opened);
      const expected = (has: (row: Row) => boolean): Row[] => rows.filter(has);
      const by = (names: readonly string[], tuples: Tuples): Promise<readonly Row[]> => read(selectionOf(opened, names, tuples));
      assert.deepEqual(
        await by(['orgId'], [[1]]),
        expected(({ orgId }) => orgId === 1),
      );
      assert.deepEqual(
        await by(['orgId'], [[3], [1], [3], [77]]),
        expected(({ orgId }) => orgId === 1 || orgId === 3),
      );
      assert.deepEqual(await by(['role'], [['r4'], ["r' OR 1=1 --"]]), expected(({ role }) => role === 'r4')); // prettier-ignore
      assert.deepEqual(
        await by(['orgId', 'userId'], [[1, 'u003'], [2, 'u000'], [2, 'nobody']]), // prettier-ignore
        expected(({ userId, orgId }) => (orgId === 1 && userId === 'u003') || (orgId === 2 && userId === 'u000')),
      );
      assert.deepEqual(await by(['orgId'], []), []);
      assert.deepEqual(await by(['userId'], [['U003']]), []);
    },

    async 'a tuple with a null has no row, and does not take the others’ away'(opened) {
      const { read, rows } = await members(opened);
      assert.deepEqual(await read(selectionOf(opened, ['role'], [[null]])), []);
      assert.deepEqual(await read(selectionOf(opened, ['role', 'orgId'], [[null, 0]])), []);
      assert.deepEqual(
        await read(selectionOf(opened, ['role'], [[null], ['r1']])),
        rows.filter(({ role }) => role === 'r1'),
      );
    },

    async 'many tuples are one reading'(opened) {
      const { read, rows } = await members(opened);
      const tuples = Array.from({ length: 3_000 }, (_, at) => [`u${String(at).padStart(3, '0')}`, at % 4]);
      const wanted = new Set(tuples.map((tuple) => tuple.join()));
      assert.deepEqual(
        await read(selectionOf(opened, ['userId', 'orgId'], tuples)),
        rows.filter(({ userId, orgId }) => wanted.has(`${String(userId)},${String(orgId)}`)),
      );
    },

    async 'the total is that of what was selected, over its pages'(opened) {
      const open = await opened.open();
      const table = tableOf(open, opened.models.member);
      await fillMembers(opened, membersOf(10, 4));
      for (const page of [3, 5, 100]) {
        const { totals } = await readAll(open, table, { selection: selectionOf(opened, ['orgId'], [[1]]), page });
        assert.equal(totals.at(-1), 10);
        assert.ok(totals.every((total) => total === null || total === 10));
      }
    },

    async 'rows by conditions are those that meet one of them, in the order of the key, each once'(opened) {
      const { read, rows } = await members(opened);
      const by = (...any: readonly Condition[]): Promise<readonly Row[]> => read({ by: 'condition', any });
      assert.deepEqual(
        await by(among('org_id', 1)),
        rows.filter(({ orgId }) => orgId === 1),
      );
      assert.deepEqual(
        await by(among('org_id', 1, 2), among('user_id', 'u001', 'u002', "it's"), among('org_id', 2)),
        rows.filter(({ userId, orgId }) => [1, 2].includes(orgId as number) || ['u001', 'u002'].includes(userId as string)),
      );
      assert.deepEqual(await by(), []);
      // One that would say more than it may if it were not taken as a whole.
      const loose: Condition = { sql: `false OR ${among('org_id', 3).sql}`, params: [3] }; // sql: a condition of the suite
      assert.deepEqual(
        await by(loose),
        rows.filter(({ orgId }) => orgId === 3),
      );
    },

    async 'rows by conditions are paged like others'(opened) {
      const open = await opened.open();
      const table = tableOf(open, opened.models.member);
      await fillMembers(opened, membersOf(10, 4));
      const selection: Selection = { by: 'condition', any: [among('org_id', 1), among('org_id', 3)] };
      const read = await readAll(open, table, { selection, page: 6 });
      assert.deepEqual(
        read.rows,
        membersOf(10, 4).filter(({ orgId }) => orgId === 1 || orgId === 3),
      );
      assert.equal(read.totals.at(-1), 20);
    },
  };
}

async function members(opened: Opened): Promise<{ readonly rows: readonly Row[]; read(selection: Selection): Promise<readonly Row[]> }> {
  const open = await opened.open();
  const table = tableOf(open, opened.models.member);
  const rows = membersOf(8, 4);
  await fillMembers(opened, rows);
  return { rows, read: async (selection) => (await readAll(open, table, { selection, page: 5 })).rows };
}

function selectionOf(opened: Opened, names: readonly string[], tuples: Tuples): Selection {
  const { columns } = opened.models.member;
  return { by: 'values', places: names.map((name) => columns.findIndex((column) => column.name === name)), tuples };
}
