import { describe, expect, test } from 'vitest';
import { binding, change, commitOf, handModel, handStream, handTable, routesOf } from '../../test/core/hand-made.ts';
import type { Change } from './change.ts';
import type { RowcastError } from './errors.ts';
import { groupBy } from './groups.ts';
import { membersOf, membership, type MemberChange } from './membership.ts';
import { UNREADABLE, type Image } from './model.ts';
import { route, type Routed } from './route.ts';

const member = handModel('member', ['userId', 'orgId', 'role', 'note'], ['userId', 'orgId']);
const table = handTable(member);
const members = membership(member, { user: 'userId', match: 'orgId', role: 'role' });
const joined = membersOf(members, table);

const task = handModel('task', ['id', 'orgId', 'title']);
const tasks = handStream(
  'tasks',
  binding(task, { fields: ['title'], groupNames: groupBy('orgId'), canSubscribe: members }),
  handTable(task),
);

const loud = (_: unknown, error: unknown): never => {
  throw error;
};
const routed = (changes: readonly Change[], of = [joined]): Routed | null => route(commitOf(changes), routesOf([tasks], of), loud);
const granted = (...changes: readonly Change[]): readonly MemberChange[] => routed(changes)?.members ?? [];
const moved = (before: Image | null, after: Image | null): Change => change(table, before, after);

/** What one row grants, of the membership above. */
const of = (user: string, org: number, role: string | null = null) => ({
  membership: members.name,
  user,
  key: JSON.stringify([user, org]),
  grant: { match: [org], role },
});
const joins = (user: string, org: number, role?: string | null): MemberChange => {
  const { grant, ...rest } = of(user, org, role);
  return { ...rest, before: null, after: grant };
};
const leaves = (user: string, org: number, role?: string | null): MemberChange => {
  const { grant, ...rest } = of(user, org, role);
  return { ...rest, before: grant, after: null };
};

describe('a row of a join table', () => {
  test('that comes is a member who joins, and one that goes a member who leaves', () => {
    expect(granted(moved(null, ['ada', 7, 'editor', null]))).toEqual([joins('ada', 7, 'editor')]);
    expect(granted(moved(['ada', 7, 'editor', null], null))).toEqual([leaves('ada', 7, 'editor')]);
  });

  test('whose role changes says both roles', () => {
    const { membership: name, user, key } = of('ada', 7);
    expect(granted(moved(['ada', 7, 'viewer', null], ['ada', 7, 'editor', null]))).toEqual([
      { membership: name, user, key, before: { match: [7], role: 'viewer' }, after: { match: [7], role: 'editor' } },
    ]);
  });

  test('that moves to another of what is matched, by its key, is left and joined', () => {
    expect(granted(moved(['ada', 7, null, null], ['ada', 8, null, null]))).toEqual([leaves('ada', 7), joins('ada', 8)]);
  });

  test('that moves to another user is left by the one and joined by the other', () => {
    expect(granted(moved(['ada', 7, null, null], ['bob', 7, null, null]))).toEqual([leaves('ada', 7), joins('bob', 7)]);
  });

  test('with a key of its own that moves to another user is so too, under one key', () => {
    const seat = handModel('seat', ['id', 'userId', 'orgId']);
    const seats = handTable(seat);
    const sitting = membership(seat, { user: 'userId', match: 'orgId' });
    const changes = routed([change(seats, [1, 'ada', 7], [1, 'bob', 7])], [membersOf(sitting, seats)])?.members;
    const grant = { match: [7], role: null };
    expect(changes).toEqual([
      { membership: sitting.name, user: 'ada', key: '1', before: grant, after: null },
      { membership: sitting.name, user: 'bob', key: '1', before: null, after: grant },
    ]);
    expect(routed([change(seats, [1, 'ada', 7], [1, 'ada', 8])], [membersOf(sitting, seats)])?.members).toEqual([
      { membership: sitting.name, user: 'ada', key: '1', before: grant, after: { match: [8], role: null } },
    ]);
  });

  test('without a user, or without what is matched, grants nothing', () => {
    expect(routed([moved(null, [null, 7, 'editor', null])])).toBeNull();
    expect(routed([moved(null, ['ada', null, 'editor', null])])).toBeNull();
    const seat = handModel('seat', ['id', 'userId', 'orgId', 'teamId']);
    const seats = handTable(seat);
    const sitting = membersOf(membership(seat, { user: 'userId', match: ['orgId', 'teamId'] }), seats);
    const seated = (before: Image | null, after: Image | null): readonly MemberChange[] =>
      routed([change(seats, before, after)], [sitting])?.members ?? [];
    expect(seated(null, [1, 'ada', 7, null])).toEqual([]);
    expect(seated([1, 'ada', 7, null], [1, 'ada', 7, 2]).map(({ before, after }) => [before, after])).toEqual([
      [null, { match: [7, 2], role: null }],
    ]);
    expect(seated([1, 'ada', 7, 2], [1, null, 7, 2]).map(({ user, after }) => [user, after])).toEqual([['ada', null]]);
  });

  test('without a role is a member without one', () => {
    expect(granted(moved(null, ['ada', 7, null, null]))).toEqual([joins('ada', 7, null)]);
  });

  test('that comes and goes in one commit is nothing, and several changes of it are one', () => {
    expect(routed([moved(null, ['ada', 7, 'x', null]), moved(['ada', 7, 'x', null], null)])).toBeNull();
    expect(granted(moved(null, ['ada', 7, 'x', null]), moved(['ada', 7, 'x', null], ['ada', 7, 'y', null]))).toEqual([
      joins('ada', 7, 'y'),
    ]);
  });

  test('is known by the user’s id as a text, and by what is matched as the wire has it', () => {
    const seat = handModel('seat', ['id', { name: 'userId', shape: 'bigint' }, { name: 'orgId', shape: 'bigint' }]);
    const seats = handTable(seat);
    const wired = {
      ...seats,
      columns: seats.columns.map((column) => ({ ...column, toWire: (value: unknown) => JSON.stringify(String(value)) })),
    };
    const sitting = membersOf(membership(seat, { user: 'userId', match: 'orgId' }), wired);
    expect(sitting.granted([1, 9007199254740993n, 2n ** 63n])).toEqual({
      user: '9007199254740993',
      key: '"1"',
      grant: { match: ['9223372036854775808'], role: null },
    });
  });

  test('is beside the rows of its commit, in one entry', () => {
    const entry = routed([moved(null, ['ada', 7, null, null]), change(tasks.table, null, [1, 7, 'T'])]);
    expect(entry?.members).toEqual([joins('ada', 7)]);
    expect(entry?.deliveries.map(({ key, fields }) => [key, fields])).toEqual([['1', '{"title":"T"}']]);
  });

  test('that cannot be read grants nothing to anybody', () => {
    expect(() => joined.granted([UNREADABLE, 7, null, null])).toThrow(expect.objectContaining({ code: 'schema_drift' }) as RowcastError);
    expect(() => joined.granted(['ada', UNREADABLE, null, null])).toThrow(
      expect.objectContaining({ code: 'schema_drift' }) as RowcastError,
    );
    expect(() => joined.granted(['ada', 7, UNREADABLE, null])).toThrow(expect.objectContaining({ code: 'schema_drift' }) as RowcastError);
    expect(joined.granted(['ada', 7, null, UNREADABLE])).not.toBeNull();
  });
});

test('a row of a join table that cannot be read resets the streams that ask for it, and the rest of its commit goes on', () => {
  const others = handStream('others', binding(task, { fields: ['title'], groupNames: groupBy('orgId') }), tasks.table);
  const failed: string[] = [];
  const entry = route(
    commitOf([moved(null, ['ada', 7, UNREADABLE, null]), moved(null, ['bob', 7, null, null]), change(tasks.table, null, [1, 7, 'T'])]),
    routesOf([tasks, others], [joined]),
    ({ name }) => failed.push(name),
  );
  expect(entry?.resets).toEqual([{ stream: 'tasks', reason: 'membership' }]);
  expect(entry?.members).toEqual([joins('bob', 7)]);
  expect(entry?.deliveries.map(({ stream }) => stream)).toEqual(['others']);
  expect(failed).toEqual(['tasks']);
});

test('rows of a join table that the log cannot tell reset the streams that ask for them, and no other', () => {
  const others = handStream('others', binding(task, { fields: ['title'], groupNames: groupBy('orgId') }), tasks.table);
  const commit = commitOf([], { lost: [{ table, reason: 'truncate' }] });
  expect(route(commit, routesOf([tasks, others], [joined]), loud)?.resets).toEqual([{ stream: 'tasks', reason: 'membership' }]);
});

test('rows of a join table that are lost with the rows they open are lost before all: who may see is asked for again', () => {
  const lost = [table, tasks.table].map((each) => ({ table: each, reason: 'slot_lost' }) as const);
  for (const each of [lost, lost.toReversed()]) {
    expect(route(commitOf([], { lost: each }), routesOf([tasks], [joined]), loud)?.resets).toEqual([
      { stream: 'tasks', reason: 'membership' },
    ]);
  }
});

test('two memberships of one table each get its rows', () => {
  const plain = membership(member, { user: 'userId', match: 'orgId' });
  const changes = routed([moved(null, ['ada', 7, 'editor', null])], [joined, membersOf(plain, table)])?.members;
  expect(changes?.map(({ membership: name, after }) => [name, after?.role])).toEqual([
    [members.name, 'editor'],
    [plain.name, null],
  ]);
});

describe('declaring one', () => {
  test('roles are asked for by name, several at once, and only where there are any', () => {
    expect(members.as('editor', 'owner')).toEqual({ membership: members, roles: ['editor', 'owner'] });
    expect(() => membership(member, { user: 'userId', match: 'orgId' }).as('editor')).toThrow(/"member" has no `role` column/);
  });

  test.each<[string, object, RegExp]>([
    ['an unknown user column', { user: 'user', match: 'orgId' }, /names "user", which is no column/],
    ['an unknown column to match', { user: 'userId', match: ['orgId', 'org'] }, /names "org", which is no column/],
    ['an unknown role column', { user: 'userId', match: 'orgId', role: 'rank' }, /names "rank", which is no column/],
    ['nothing to match', { user: 'userId', match: [] }, /names no column to `match`/],
  ])('%s is refused when it is declared', (_, columns, message) => {
    expect(() => membership(member, columns as never)).toThrow(message);
    expect(() => membership(member, columns as never)).toThrow(expect.objectContaining({ code: 'binding_invalid' }) as RowcastError);
  });

  test('its name is the same for the same columns, and another for others', () => {
    const name = (columns: object): string => membership(member, columns as never).name;
    expect(name({ user: 'userId', match: 'orgId', role: 'role' })).toBe(members.name);
    expect(name({ user: 'userId', match: ['orgId'], role: 'role' })).toBe(members.name);
    const names = [
      { user: 'userId', match: 'orgId' },
      { user: 'userId', match: ['orgId', 'note'] },
      { user: 'note', match: 'orgId', role: 'role' },
    ].map(name);
    expect(new Set([...names, members.name]).size).toBe(4);
  });

  test('what it matches and what the rows are grouped by must be as many', () => {
    const declare = (options: object): unknown => binding(task, { fields: ['title'], ...options } as never);
    expect(() => declare({ groupNames: groupBy('orgId', 'title'), canSubscribe: members })).toThrow(
      /matches orgId, and the rows are grouped by orgId, title/,
    );
    expect(() => declare({ groupNames: () => ['all'], hasPermission: members.as('editor') })).toThrow(/grouped by a function/);
    expect(tasks.binding.memberships).toEqual([members]);
  });
});
