import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupBy, groupName } from './groups.ts';

test('no two tuples of values share a name, whatever stands in them', () => {
  const awkward = fc.oneof(fc.string(), fc.constantFrom('', '"', '\\', ',', '["', '"]', '","', '\u0000', '\ud800', 'null', 'blogId'));
  const tuple = fc.tuple(fc.constantFrom('a', 'b', 'a.b'), fc.array(fc.tuple(awkward, awkward), { maxLength: 3 }));
  const tuples = fc.sample(tuple, { numRuns: 20_000, seed: 20261123 });
  const names = new Map<string, string>();
  let different = 0;
  for (const [model, pairs] of tuples) {
    const name =
      groupName(
        model,
        pairs.map(([column]) => column),
        pairs.map(([, value]) => value),
      ) ?? '';
    const identity = [model, ...pairs.flat()].map((part) => `${part.length}:${part}`).join('');
    if (!names.has(name)) different++;
    expect(names.get(name) ?? identity).toBe(identity);
    names.set(name, identity);
  }
  expect(different).toBeGreaterThan(10_000);
});

test('no two numbers, dates or bytes share a name, and a bigint is the number it equals', () => {
  const name = (value: unknown): string | null => groupName('m', ['c'], [value]);
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (one, other) => {
      expect(name(one) === name(other)).toBe(one === other);
      expect(name(BigInt(one))).toBe(name(one));
      expect(name(new Date(one % 8.64e15)) === name(new Date(other % 8.64e15))).toBe(one === other);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (one, other) => {
      expect(name(one) === name(other)).toBe(Buffer.compare(one, other) === 0);
    }),
  );
});

test('a row that lacks a value is in no group', () => {
  const { groupBy: columns } = groupBy('blogId', 'lang');
  const of = (values: readonly unknown[]): string | null => groupName('post', columns, values);
  expect(of([7, 'en'])).not.toBeNull();
  for (const values of [[null, 'en'], [7, null], [undefined, 'en'], [7], [new Date(NaN), 'en']]) expect(of(values)).toBeNull();
  expect(of([0, ''])).not.toBeNull();
  expect(of([false, 'en'])).not.toBeNull();
});
