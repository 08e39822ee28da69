import { describe, expect, test } from 'vitest';
import { bindingFor, groupBy, type Model } from '../core/index.ts';
import { plainModel, runLaws, seen } from './index.ts';

const post = plainModel({
  dialect: 'sqlite',
  table: 'post',
  key: ['id'],
  columns: {
    id: { sqlType: 'integer', shape: 'number' },
    blogId: { sqlType: 'integer', shape: 'number' },
    views: { sqlType: 'integer', shape: 'bigint' },
    secret: { sqlType: 'text', shape: 'string' },
  },
}) as unknown as Model<{ id: number; blogId: number; views: bigint; secret: string }, object>;

const posts = bindingFor<null>()(post, { fields: ['id', 'blogId', 'views'], groupNames: groupBy('blogId') });
const one = posts.group({ blogId: 1 });
const row = { id: 7, blogId: 1, views: 9007199254740993n, secret: 'canary' };

describe('what a viewer gets of a change', () => {
  test('a row that comes is a create with the listed fields, as the wire has them', () => {
    expect(seen(posts, { after: row, groups: [one] })).toEqual([
      { action: 'create', pk: 7, data: { id: 7, blogId: 1, views: '9007199254740993' } },
    ]);
  });

  test('a row that stays is an update, and one that goes a delete with no data', () => {
    expect(seen(posts, { before: row, after: { ...row, views: 1n }, groups: [one] })).toEqual([
      { action: 'update', pk: 7, data: { id: 7, blogId: 1, views: '1' } },
    ]);
    expect(seen(posts, { before: row, groups: [one] })).toEqual([{ action: 'delete', pk: 7, data: null }]);
  });

  test('a row that moves between groups is a delete for the one and a create for the other', () => {
    const moved = { before: row, after: { ...row, blogId: 2 } };
    expect(seen(posts, { ...moved, groups: [one] })).toEqual([{ action: 'delete', pk: 7, data: null }]);
    expect(seen(posts, { ...moved, groups: [posts.group({ blogId: 2 })] }).map(({ action }) => action)).toEqual(['create']);
    expect(seen(posts, { ...moved, groups: ['other'] })).toEqual([]);
  });

  test('a changed key is a delete of the old one and a create of the new one', () => {
    expect(seen(posts, { before: row, after: { ...row, id: 8 }, groups: [one] }).map(({ action, pk }) => [action, pk])).toEqual([
      ['delete', 7],
      ['create', 8],
    ]);
  });

  test('what the binding throws is thrown, and a row without its key is refused', () => {
    const broken = bindingFor<null>()(post, {
      fields: ['id'],
      groupNames: () => {
        throw new Error('broken');
      },
    });
    expect(() => seen(broken, { after: row, groups: ['x'] })).toThrow('broken');
    expect(() => seen(posts, { after: { blogId: 1 }, groups: [one] })).toThrow(/give "id"/);
  });
});

test('a skip that names no test of its suite is an error, and one that does is reported with its reason', () => {
  const laws = { 'a law': async () => {} };
  expect(() => runLaws(laws, { name: 'x', skip: [{ reason: 'r', tests: ['a lwa'] }] }, () => {})).toThrow(/a lwa/);
  const ran: unknown[] = [];
  runLaws(laws, { name: 'x', skip: [{ reason: 'r', tests: ['a law'] }] }, ({ name, skipped }) => ran.push([name, skipped]));
  expect(ran).toEqual([['a law', 'r']]);
});
