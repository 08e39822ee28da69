import { describe, expect, test } from 'vitest';
import { binding, change, commitOf, handModel, handStream, handTable, routesOf } from '../../test/core/hand-made.ts';
import type { Change } from './change.ts';
import type { Delivery } from './entry.ts';
import { groupBy } from './groups.ts';
import type { Image } from './model.ts';
import { route, type Routed } from './route.ts';
import type { Stream } from './stream.ts';

const model = handModel('post', ['id', 'blog', 'title', 'secret']);
const table = handTable(model);
const other = handTable(handModel('other', ['id']));

const byBlog = handStream('posts', binding(model, { fields: ['blog', 'title'], groupNames: groupBy('blog') }), table);
const blog = (name: string): string => byBlog.binding.group({ blog: name } as never).key;

const loud = (stream: Stream, error: unknown): never => {
  throw new Error(`${stream.name} failed`, { cause: error });
};
const routeOf = (changes: readonly Change[], ...streams: readonly Stream[]): Routed | null =>
  route(commitOf(changes), routesOf(streams), loud);
const only = (routed: Routed | null): Delivery => {
  expect(routed?.deliveries).toHaveLength(1);
  return routed?.deliveries[0] as Delivery;
};

describe('one row', () => {
  test('an insert has no groups before, and the listed fields after', () => {
    expect(only(routeOf([change(table, null, [1, 'a', 'T', 'S'])], byBlog))).toEqual({
      stream: 'posts',
      key: '1',
      before: null,
      after: [blog('a')],
      fields: '{"blog":"a","title":"T"}',
    });
  });

  test('an update has its groups of both moments, and the fields of the row as it is', () => {
    expect(only(routeOf([change(table, [1, 'a', 'T', 'S'], [1, 'b', 'U', 'S'])], byBlog))).toMatchObject({
      before: [blog('a')],
      after: [blog('b')],
      fields: '{"blog":"b","title":"U"}',
    });
  });

  test('a delete has no groups after, and the fields its viewers had', () => {
    expect(only(routeOf([change(table, [1, 'a', 'T', 'S'], null)], byBlog))).toMatchObject({
      before: [blog('a')],
      after: null,
      fields: '{"blog":"a","title":"T"}',
    });
  });

  test('a row that left all groups carries no field, old or new', () => {
    expect(only(routeOf([change(table, [1, 'a', 'T', 'S'], [1, null, 'New', 'S'])], byBlog))).toMatchObject({
      before: [blog('a')],
      after: [],
      fields: '{}',
    });
  });

  test('a row in no group before or after is nothing, and a commit of nothing is no entry', () => {
    expect(routeOf([change(table, [1, null, 'T', 'S'], [1, null, 'U', 'S'])], byBlog)).toBeNull();
    expect(routeOf([change(table, null, [1, 'a', 'T', 'S']), change(table, [1, 'a', 'T', 'S'], null)], byBlog)).toBeNull();
    expect(routeOf([change(other, null, [1])], byBlog)).toBeNull();
    expect(routeOf([], byBlog)).toBeNull();
  });

  test('a moved key is a delete of the old key and a create of the new one', () => {
    const routed = routeOf([change(table, [1, 'a', 'T', 'S'], [2, 'a', 'T', 'S'])], byBlog);
    expect(routed?.deliveries.map(({ key, before, after }) => [key, before, after])).toEqual([
      ['1', [blog('a')], null],
      ['2', null, [blog('a')]],
    ]);
  });

  test('several bindings of one table each have their own fields and groups', () => {
    const editors = handStream('drafts', binding(model, { fields: ['title', 'secret'], groupNames: () => ['editors', 'editors'] }), table);
    const routed = routeOf([change(table, null, [1, 'a', 'T', 'S'])], byBlog, editors);
    expect(routed?.deliveries.map(({ stream, after, fields }) => [stream, after, fields])).toEqual([
      ['posts', [blog('a')], '{"blog":"a","title":"T"}'],
      ['drafts', ['editors'], '{"title":"T","secret":"S"}'],
    ]);
  });
});

describe('the commit around it', () => {
  test('its position, number and receipts are the entry’s; a receipt makes an entry of its own', () => {
    const receipts = [{ client: 'c', write: 3 }];
    const commit = commitOf([], { position: '00000000000000ff', xid: 2n ** 40n, receipts });
    expect(route(commit, routesOf([byBlog]), loud)).toEqual({
      position: '00000000000000ff',
      xid: '1099511627776',
      receipts,
      deliveries: [],
      resets: [],
      members: [],
    });
  });

  test('what the log cannot tell row by row is a reset of the table’s streams, and of no other', () => {
    const others = handStream('others', binding(handModel('other', ['id']), { fields: ['id'], groupNames: () => ['all'] }), other);
    const commit = commitOf([change(table, null, [1, 'a', 'T', 'S']), change(other, null, [1])], { lost: [{ table, reason: 'truncate' }] });
    const routed = route(commit, routesOf([byBlog, others]), loud);
    expect(routed?.resets).toEqual([{ stream: 'posts', reason: 'truncate' }]);
    expect(routed?.deliveries.map(({ stream }) => stream)).toEqual(['others']);
  });
});

describe('hooks', () => {
  test('a serialize that gives null puts the row in no group: viewers that had it get a delete without fields', () => {
    const published = handStream(
      'published',
      binding(model, {
        fields: ['title'],
        groupNames: () => ['all'],
        serialize: (row) => (row['blog'] === 'draft' ? null : { title: `<${String(row['title'])}>` }),
      }),
      table,
    );
    const shown: Image = [1, 'a', 'T', 'S'];
    const hidden: Image = [1, 'draft', 'Hidden', 'S'];
    expect(only(routeOf([change(table, null, shown)], published))).toMatchObject({
      before: null,
      after: ['all'],
      fields: '{"title":"<T>"}',
    });
    expect(only(routeOf([change(table, shown, hidden)], published))).toMatchObject({ before: ['all'], after: [], fields: '{}' });
    expect(only(routeOf([change(table, hidden, shown)], published))).toMatchObject({
      before: [],
      after: ['all'],
      fields: '{"title":"<T>"}',
    });
    expect(routeOf([change(table, null, hidden)], published)).toBeNull();
    expect(routeOf([change(table, hidden, null)], published)).toBeNull();
    expect(only(routeOf([change(table, shown, null)], published))).toMatchObject({ after: null, fields: '{"title":"<T>"}' });
  });

  const boom = new Error('boom');
  test.each<[string, Parameters<typeof binding<Record<string, unknown>, Record<string, unknown>>>[1]]>([
    [
      'serialize throws',
      {
        fields: ['title'],
        groupNames: () => ['all'],
        serialize: () => {
          throw boom;
        },
      },
    ],
    ['serialize gives a promise', { fields: ['title'], groupNames: () => ['all'], serialize: (async () => ({})) as never }],
    ['serialize gives an array', { fields: ['title'], groupNames: () => ['all'], serialize: (() => []) as never }],
    [
      'groupNames throws',
      {
        fields: ['title'],
        groupNames: () => {
          throw boom;
        },
      },
    ],
    ['groupNames gives a promise', { fields: ['title'], groupNames: (async () => ['all']) as never }],
    ['groupNames gives no names', { fields: ['title'], groupNames: (() => [7]) as never }],
    ['groupNames gives an empty name', { fields: ['title'], groupNames: () => [''] }],
  ])('where %s its own stream is reset, and said so once; the others go on', (_, options) => {
    const poisoned = handStream('poisoned', binding(model, options), table);
    const failed: (readonly [Stream, unknown])[] = [];
    const changes = [change(table, null, [1, 'a', 'T', 'S']), change(table, null, [2, 'a', 'U', 'S'])];
    const routed = route(commitOf(changes), routesOf([poisoned, byBlog]), (...failure) => failed.push(failure));
    expect(routed?.resets).toEqual([{ stream: 'poisoned', reason: 'serializer' }]);
    expect(routed?.deliveries.map(({ stream, key }) => [stream, key])).toEqual([
      ['posts', '1'],
      ['posts', '2'],
    ]);
    expect(failed).toEqual([[poisoned, expect.any(Error)]]);
  });

  test('a hook that fails on the last row of a commit leaves none of the commit’s rows behind', () => {
    const stream = handStream(
      'posts',
      binding(model, {
        fields: ['title'],
        groupNames: ({ id }) => {
          if (id === 2) throw boom;
          return ['all'];
        },
      }),
      table,
    );
    const routed = route(
      commitOf([change(table, null, [1, 'a', 'T', 'S']), change(table, null, [2, 'a', 'U', 'S'])]),
      routesOf([stream]),
      () => undefined,
    );
    expect(routed).toMatchObject({ deliveries: [], resets: [{ stream: 'posts', reason: 'serializer' }] });
  });
});
