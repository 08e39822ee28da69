import assert from 'node:assert/strict';
import type { Row } from '../core/index.ts';
import { tableOf, type Opened } from './opened.ts';
import { readAll } from './reading.ts';
import type { Laws } from './runner.ts';

/** Members of so many organisations each, by the order of their key. */
export function membersOf(users: number, orgs: number): Row[] {
  return Array.from({ length: users * orgs }, (_, at) => ({
    userId: `u${String(Math.floor(at / orgs)).padStart(3, '0')}`,
    orgId: at % orgs,
    role: at % 3 === 0 ? null : `r${at}`,
  }));
}

/** In an order that is not that of the key. */
export function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value, at) => [(at * 2_654_435_761) % 4_294_967_296, value] as const)
    .toSorted(([one], [other]) => one - other)
    .map(([, value]) => value);
}

export async function fillMembers(opened: Opened, rows: readonly Row[]): Promise<void> {
  await opened.write(...shuffled(rows).map((after) => ({ model: opened.models.member, before: null, after })));
}

/** All rows, once, in order, in pages. */
export const PAGE_LAWS: Laws<Opened> = {
  async 'every row comes once, in the order of the key, whatever the size of pages'(opened) {
    const open = await opened.open();
    const table = tableOf(open, opened.models.member);
    const rows = membersOf(10, 3);
    await fillMembers(opened, rows);
    for (const page of [1, 2, 7, 29, 30, 31, 1_000]) {
      const read = await readAll(open, table, { page });
      assert.deepEqual(read.rows, rows, `pages of ${page}`);
      assert.ok(
        read.sizes.every((size) => size > 0 && size <= page),
        `pages of ${page} came as ${read.sizes.join(', ')}`,
      );
    }
    assert.deepEqual((await readAll(open, table)).rows, rows);
  },

  async 'how many there are in all is said with the last page, and with the first where it is known; it is right where it is said'(opened) {
    const open = await opened.open();
    const table = tableOf(open, opened.models.member);
    await fillMembers(opened, membersOf(10, 3));
    for (const page of [1, 7, 10, 29, 30, 31]) {
      const { totals } = await readAll(open, table, { page });
      assert.equal(totals.at(-1), 30, `pages of ${page}`);
      assert.deepEqual(
        totals.filter((total) => total !== null && total !== 30),
        [],
        `pages of ${page}`,
      );
    }
  },

  async 'a table without rows has none'(opened) {
    const open = await opened.open();
    for (const model of [opened.models.member, opened.models.blog]) {
      const { rows, totals } = await readAll(open, tableOf(open, model));
      assert.deepEqual([rows, totals.filter((total) => total !== 0)], [[], []]);
    }
  },

  async 'many rows come in pages of a default size, all of one order'(opened) {
    const open = await opened.open();
    const table = tableOf(open, opened.models.member);
    const rows = membersOf(250, 10);
    await fillMembers(opened, rows);
    const read = await readAll(open, table);
    assert.deepEqual(read.rows, rows);
    assert.ok(read.sizes.every((size) => size <= 1_000) && read.totals.at(-1) === 2_500);
  },

  async 'wide rows come whole, beside narrow ones'(opened) {
    const open = await opened.open();
    const { blog, post } = opened.models;
    const table = tableOf(open, post);
    // Too random to be pressed into little.
    const wide = (seed: number): string =>
      Array.from({ length: 40_000 }, (_, at) => ((at * 2_654_435_761 + seed) % 4_294_967_296).toString(36)).join('ž');
    const rows: Row[] = Array.from({ length: 12 }, (_, at) => ({
      id: at + 1,
      blogId: 1,
      slug: null,
      title: `t${at}`,
      body: at % 3 === 0 ? wide(at) : 'narrow',
      notes: at % 4 === 0 ? wide(-at) : null,
    }));
    await opened.write({ model: blog, before: null, after: { id: 1, title: 'b' } });
    await opened.write(...rows.map((after) => ({ model: post, before: null, after })));
    for (const page of [1, 5, 1_000]) assert.deepEqual((await readAll(open, table, { page })).rows, rows);
  },
};
