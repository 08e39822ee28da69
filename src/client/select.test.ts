import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { at, held } from '../../test/support/held-client.ts';
import type { WireChange } from '../protocol/index.ts';
import { comparing, type OrderBy } from './order.ts';
import { select, type Selectable, type SelectOptions } from './select.ts';

interface Row {
  readonly name: string | null;
  readonly value: number;
}

/** A handle over `intval` whose commits are the test's. */
function followed(first: readonly (readonly [pk: number, data: Row])[] = []) {
  const { client, clock, socket } = held();
  const handle = client.stream('intval') as unknown as Selectable<Row> & { readonly rows: readonly Row[] };
  clock.pass();
  socket.welcome();
  socket.say(
    { type: 'subscribed', id: 1, view: 12 },
    { type: 'rows', view: 12, rows: first as never, count: first.length, total: null },
    { type: 'ready', view: 12, position: at(1), token: 't' },
  );
  let position = 1;
  const commit = (...changes: readonly (readonly ['create' | 'update' | 'delete', number, Row?])[]): void =>
    socket.say({ type: 'commit', position: at(++position), changes: changes.map((change) => [12, ...change] as unknown as WireChange) });
  return { client, clock, socket, handle, commit };
}

const row = (name: string | null, value = 0): Row => ({ name, value });
const names = (rows: readonly Row[]): readonly (string | null)[] => rows.map(({ name }) => name);

/** What a selection is: written down without any care for what it costs. */
function meant(handle: Selectable<Row>, { where = () => true, orderBy = [], limit = Infinity }: SelectOptions<Row>): readonly Row[] {
  const compare = comparing(orderBy);
  const key = (each: Row): number => handle.pk(each) as number;
  return [...handle.current.rows]
    .filter(where)
    .sort((one, other) => compare(one, other) || key(one) - key(other))
    .slice(0, limit);
}

describe('a selection', () => {
  test('is the rows, filtered and sorted, after any commits; what did not change is the same object', () => {
    const pk = fc.integer({ min: 0, max: 12 });
    const data = fc.record({ name: fc.constantFrom('a', 'b', 'c', null), value: fc.integer({ min: -2, max: 2 }) });
    const change = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(fc.constant('put' as const), pk, data) },
      fc.tuple(fc.constant('delete' as const), pk),
    );
    const options = fc.record(
      {
        orderBy: fc.constantFrom<OrderBy<Row>>('name', '-name', ['-value', 'name'], (one: Row, other: Row) => one.value - other.value),
        where: fc.constantFrom(
          (each: Row) => each.value >= 0,
          (each: Row) => each.name !== 'b',
        ),
        limit: fc.constantFrom(0, 1, 3),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 25 }), fc.nat(10), (asked, commits, late) => {
        const { handle, commit } = followed();
        let selection = select(handle, asked);
        for (const [n, changes] of commits.entries()) {
          if (n === late) selection = select(handle, asked); // one that begins with rows
          const before = selection.current;
          let told = 0;
          const off = selection.on('current', () => told++);
          const there = new Set(handle.rows.map((each) => handle.pk(each)));
          commit(
            ...changes.map(([action, key, put]) => {
              if (action === 'delete') return (there.delete(key), ['delete', key] as const);
              const created = !there.has(key);
              there.add(key);
              return [created ? 'create' : 'update', key, put] as const;
            }),
          );
          off();
          const { rows } = selection.current;
          expect(rows).toEqual(meant(handle, asked));
          expect(rows.every((each) => handle.rows.includes(each))).toBe(true);
          expect(selection.rows).toBe(rows);
          const changed = rows.length !== before.rows.length || rows.some((each, place) => each !== before.rows[place]);
          expect([told, selection.current !== before, rows !== before.rows]).toEqual(changed ? [1, true, true] : [0, false, false]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('costs a search by halves for each change, never another sort', () => {
    const { handle, commit } = followed(Array.from({ length: 4_096 }, (_, n) => [n, row(`n${n % 97}`, n % 13)] as const));
    let compared = 0;
    const selection = select(handle, { orderBy: (one, other) => (compared++, one.value - other.value) });
    compared = 0;
    commit(['update', 7, row('moved', 12)]);
    commit(['create', 9_000, row('new', 5)]);
    commit(['delete', 8]);
    expect(selection.rows).toEqual(meant(handle, { orderBy: 'value' }));
    expect(compared).toBeLessThanOrEqual(4 * 13);
  });

  test('shows whole commits: who looks while one is told sees the one before', () => {
    const { handle, commit } = followed([[1, row('a', 1)]]);
    const selection = select(handle, { orderBy: 'name' });
    const seen: unknown[] = [];
    handle.on('change', () => seen.push(names(selection.rows)));
    selection.on('current', () => seen.push(names(selection.rows)));
    commit(['update', 1, row('z')], ['create', 2, row('b')]);
    expect(seen).toEqual([['a'], ['a'], ['b', 'z']]);
  });

  test('stands by its keys where nothing else says how: numbers as numbers', () => {
    const { handle } = followed([
      [10, row('ten')],
      [9, row('nine')],
      [100, row('hundred')],
    ]);
    expect(names(select(handle).rows)).toEqual(['nine', 'ten', 'hundred']);
  });

  test('has the status and the progress of its handle, and tells when they change', () => {
    const { handle, socket } = followed([[1, row('a')]]);
    const selection = select(handle, { where: () => false });
    const told = vi.fn<() => void>();
    selection.on('current', told);
    const { rows } = selection;
    socket.end(1006);
    expect([selection.status, told.mock.calls.length]).toEqual(['offline', 1]);
    expect(selection.rows).toBe(rows);
  });

  test('follows no more once it is closed', () => {
    const { handle, commit } = followed();
    const selection = select(handle);
    const told = vi.fn<() => void>();
    selection.on('current', told);
    selection.close();
    commit(['create', 1, row('a')]);
    expect([selection.rows, told.mock.calls.length]).toEqual([[], 0]);
  });

  test('leaves out a row on which `where` throws, and says so as any uncaught error; the others stand', async () => {
    const { handle, commit } = followed([[1, row('a')]]);
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
    const listeners = process.rawListeners('uncaughtException');
    const theirs = listeners.slice(0, -1) as NodeJS.UncaughtExceptionListener[];
    for (const listener of theirs) process.off('uncaughtException', listener);
    const selection = select(handle, { where: ({ name }) => (name as string).length > 0 });
    commit(['update', 1, row(null)], ['create', 2, row('b')]);
    expect(await uncaught).toBeInstanceOf(TypeError);
    for (const listener of theirs) process.on('uncaughtException', listener);
    expect(names(selection.rows)).toEqual(['b']);
    commit(['update', 1, row('back')]);
    expect(names(selection.rows)).toEqual(['back', 'b']);
  });
});

describe('an order by fields', () => {
  const sorted = (values: readonly unknown[], order: 'v' | '-v' = 'v'): readonly unknown[] =>
    values
      .map((v) => ({ v }))
      .sort(comparing<{ v: unknown }>(order))
      .map(({ v }) => v);

  test('is that of numbers, texts, moments, booleans; null is after everything, and first from the end', () => {
    expect(sorted([10, 9, null, -1])).toEqual([-1, 9, 10, null]);
    expect(sorted([10, 9, null, -1], '-v')).toEqual([null, 10, 9, -1]);
    expect(sorted(['b', 'B', 'a'])).toEqual(['B', 'a', 'b']);
    expect(sorted([10n, 9n, 9.5])).toEqual([9n, 9.5, 10n]);
    expect(sorted([true, false])).toEqual([false, true]);
    expect(sorted([new Date(2), new Date(1)])).toEqual([new Date(1), new Date(2)]);
  });

  test('is a total one, whatever stands in the field', () => {
    const value = fc.oneof(
      fc.double(),
      fc.string(),
      fc.bigInt(),
      fc.boolean(),
      fc.date({ noInvalidDate: false }),
      fc.constant(null),
      fc.jsonValue(),
      fc.constant(undefined),
    );
    const compare = comparing<{ v: unknown }>('v');
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const [one, two, three] = [{ v: a }, { v: b }, { v: c }] as const;
        expect(Math.sign(compare(one, two)) + Math.sign(compare(two, one))).toBe(0);
        if (compare(one, two) <= 0 && compare(two, three) <= 0) expect(compare(one, three)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 3_000 },
    );
  });
});
