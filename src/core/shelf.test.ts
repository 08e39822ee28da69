import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Shelf } from './shelf.ts';

const act = fc.record({ act: fc.constantFrom('push', 'push', 'shift'), times: fc.integer({ min: 1, max: 3_000 }) });

test('an item keeps its number whatever is taken away, and taken ones leave no more slots behind than there are items, and a little', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), fc.nat(100), (acts, way) => {
      const shelf = new Shelf<number>();
      let [first, end] = [0, 0];
      for (const { act: what, times } of acts) {
        for (let time = 0; time < times; time++) {
          if (what === 'push') shelf.push(end++);
          else if (shelf.shift() !== (first < end ? first++ : undefined)) expect.fail('another item than the oldest was taken');
        }
        expect([shelf.first, shelf.end, shelf.size]).toEqual([first, end, end - first]);
        expect(shelf.slots).toBeLessThanOrEqual(2 * shelf.size + 65);
        const from = first + Math.floor(((end - first) * way) / 100);
        expect([shelf.after((item) => item < from), shelf.after(() => true), shelf.after(() => false)]).toEqual([from, end, first]);
        expect(shelf.slice(from)).toHaveLength(end - from);
        expect(shelf.slice(from, 5)).toEqual(Array.from({ length: Math.min(5, end - from) }, (_, at) => from + at));
        expect([shelf.at(first - 1), shelf.at(end), shelf.at(from)]).toEqual([undefined, undefined, from < end ? from : undefined]);
      }
    }),
    { numRuns: 200 },
  );
});
