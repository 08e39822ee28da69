import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compare, interleaved, spread } from './measure.ts';

test('a median has as many figures below it as above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 30 }), (values) => {
      const { median, min, max } = spread(values);
      const below = values.filter((value) => value < median).length;
      const above = values.filter((value) => value > median).length;
      expect(below).toBeLessThanOrEqual(values.length / 2);
      expect(above).toBeLessThanOrEqual(values.length / 2);
      expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
    }),
  );
  expect(spread([4, 1, 3, 2]).median).toBe(2.5);
});

test('a ratio is taken pass by pass: a machine that slows down for one pass slows both', () => {
  const { ratios, contenders } = compare(
    { workload: 'w', figure: 'f', better: 'less' },
    { rowcast: [1, 2, 30], reference: [2, 4, 60], slower: [10, 10, 10] },
  );
  expect(ratios).toEqual({ reference: { median: 0.5, min: 0.5, max: 0.5 }, slower: { median: 0.2, min: 0.1, max: 3 } });
  expect(Object.keys(contenders)).toEqual(['rowcast', 'reference', 'slower']);
});

test('nothing against nothing is the same, and no ratio is not a number', () => {
  const { ratios } = compare({ workload: 'w', figure: 'f', better: 'less' }, { rowcast: [0, 0], reference: [0, 5] });
  expect(ratios.reference).toEqual({ median: 0.5, min: 0, max: 1 });
});

test('every contender runs once a pass, and another one begins each', async () => {
  const ran: string[] = [];
  const contender = (name: string) => () => Promise.resolve(ran.push(name));
  const values = await interleaved(4, { a: contender('a'), b: contender('b'), c: contender('c') });
  expect(ran.join('')).toBe('abc' + 'bca' + 'cab' + 'abc');
  expect(values).toEqual({ a: [1, 6, 8, 10], b: [2, 4, 9, 11], c: [3, 5, 7, 12] });
});
