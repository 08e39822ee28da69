import fc from 'fast-check';
import { expect, test } from 'vitest';
import { change, handModel, handTable } from '../../test/core/hand-made.ts';
import type { Change } from './change.ts';
import { fold } from './fold.ts';
import type { Image } from './model.ts';
import type { Table } from './table.ts';

const post = handTable(handModel('post', ['id', 'title']));
const member = handTable(handModel('member', ['org', 'user', 'role'], ['org', 'user']));

/** What happens to a row; where it makes no sense at that point (an insert of a key that is there), nothing happens. */
interface Step {
  readonly table: Table;
  readonly act: 'insert' | 'update' | 'delete' | 'move';
  readonly key: readonly number[];
  readonly to: readonly number[];
  readonly value: number;
}

const key = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 1 }));
const step: fc.Arbitrary<Step> = fc.record({
  table: fc.constantFrom(post, member),
  act: fc.constantFrom('insert', 'update', 'update', 'delete', 'move'),
  key,
  to: key,
  value: fc.integer({ min: 0, max: 99 }),
});

/** A database small enough to be right by looking at it: rows by key, and the changes its log would have. */
class Replay {
  readonly rows = new Map<Table, Map<string, Image>>();
  log: Change[] = [];

  apply({ table, act, key: from, to, value }: Step): void {
    const image = (key: readonly number[]): Image => [...key.slice(0, table.key.length), value];
    const rows = this.#rowsOf(table);
    const before = rows.get(keyOf(table, image(from))) ?? null;
    if (act === 'insert') return before ? undefined : this.#write(table, null, image(from));
    if (!before) return;
    if (act === 'delete') return this.#write(table, before, null);
    if (act === 'update') return this.#write(table, before, image(from));
    if (!rows.has(keyOf(table, image(to)))) this.#write(table, before, image(to));
  }

  state(): Map<string, readonly [Table, Image]> {
    return new Map(
      [...this.rows].flatMap(([table, rows]) => [...rows].map(([at, image]) => [`${table.id} ${at}`, [table, image] as const])),
    );
  }

  #write(table: Table, before: Image | null, after: Image | null): void {
    const rows = this.#rowsOf(table);
    if (before) rows.delete(keyOf(table, before));
    if (after) rows.set(keyOf(table, after), after);
    this.log.push(change(table, before, after));
  }

  #rowsOf(table: Table): Map<string, Image> {
    const rows = this.rows.get(table) ?? new Map<string, Image>();
    this.rows.set(table, rows);
    return rows;
  }
}

const keyOf = (table: Table, image: Image): string => image.slice(0, table.key.length).join('/');
const nameOf = ({ table, before, after }: Change): string => `${table.id} ${keyOf(table, (after ?? before) as Image)}`;

test('a folded commit says, once per key, the row before the commit and the row after it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.array(step, { maxLength: 25 }), (earlier, steps) => {
      const replay = new Replay();
      for (const one of earlier) replay.apply(one);
      const before = replay.state();
      replay.log = [];
      for (const one of steps) replay.apply(one);
      const after = replay.state();
      const folded = fold(replay.log);

      const touched = new Set(
        replay.log.flatMap(({ table, before: old, after: now }) =>
          [old, now].flatMap((image) => (image ? [`${table.id} ${keyOf(table, image)}`] : [])),
        ),
      );
      const expected = [...touched]
        .map((at) => ({ at, before: before.get(at)?.[1] ?? null, after: after.get(at)?.[1] ?? null }))
        .filter((net) => net.before !== null || net.after !== null);
      const got = folded.map((net) => ({ at: nameOf(net), before: net.before, after: net.after }));
      const byKey = (one: { at: string }, other: { at: string }): number => (one.at < other.at ? -1 : 1);
      expect(got.toSorted(byKey)).toEqual(expected.toSorted(byKey));
    }),
    { numRuns: 2000 },
  );
});

test('rows that are gone come before rows that are there: what moved is free before it is taken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const replay = new Replay();
      for (const one of steps) replay.apply(one);
      const kinds = fold(replay.log).map(({ after }) => (after ? 'there' : 'gone'));
      expect(kinds).toEqual(kinds.toSorted());
    }),
  );
});

test('a row inserted and deleted again is nothing', () => {
  expect(fold([change(post, null, [1, 'a']), change(post, [1, 'a'], [1, 'b']), change(post, [1, 'b'], null)])).toEqual([]);
});

test('a row deleted and inserted again is an update', () => {
  expect(fold([change(post, [1, 'a'], null), change(post, null, [1, 'b'])])).toEqual([change(post, [1, 'a'], [1, 'b'])]);
});

test('a moved key is a delete of the old one and a create of the new one, also when it is all that happened', () => {
  expect(fold([change(post, [1, 'a'], [2, 'a'])])).toEqual([change(post, [1, 'a'], null), change(post, null, [2, 'a'])]);
  expect(fold([change(member, ['o', 'u', 'x'], ['o', 'v', 'x'])])).toEqual([
    change(member, ['o', 'u', 'x'], null),
    change(member, null, ['o', 'v', 'x']),
  ]);
});

test('two rows that swap keys are two updates', () => {
  const changes = [change(post, [1, 'a'], [3, 'a']), change(post, [2, 'b'], [1, 'b']), change(post, [3, 'a'], [2, 'a'])];
  expect(fold(changes)).toEqual(expect.arrayContaining([change(post, [1, 'a'], [1, 'b']), change(post, [2, 'b'], [2, 'a'])]));
  expect(fold(changes)).toHaveLength(2);
});

test('a delete of a row that is deleted already says nothing new: the first image is the row before', () => {
  expect(fold([change(post, [1, 'a'], null), change(post, [1, 'stale'], null)])).toEqual([change(post, [1, 'a'], null)]);
});

test('keys of bytes are the same key when their bytes are', () => {
  const one = change(post, [new Uint8Array([1]), 'a'], [new Uint8Array([1]), 'b']);
  expect(fold([one])).toEqual([one]);
});

test('the same key in two tables is two rows', () => {
  const other = handTable(handModel('other', ['id', 'title']));
  expect(fold([change(post, null, [1, 'a']), change(other, [1, 'a'], null)])).toHaveLength(2);
});
