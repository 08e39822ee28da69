import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Collection } from './collection.ts';
import { OwnLayer, type Op } from './overlay.ts';

const pk = fc.integer({ min: 0, max: 9 });
const data = fc.record({ v: fc.integer({ min: 0, max: 3 }) });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), pk, data: fc.option(data) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lay' as const), pk, data: fc.option(data), creates: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lift' as const), which: fc.nat() }) },
  fc.record({ do: fc.constant('reload' as const), rows: fc.array(fc.tuple(pk, data), { maxLength: 8 }) }),
  fc.record({ do: fc.constant('tell' as const) }),
  fc.record({ do: fc.constant('fill' as const), from: fc.integer({ min: 100, max: 110 }) }),
);

test('the rows, whenever somebody looks, are all that is shown, in the order they came, and one array until something changes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), (steps) => {
      const collection = new Collection();
      const layer = new OwnLayer(collection);
      collection.layer = layer;
      const ops: Op[] = [];
      let seen: readonly unknown[] = [];
      let copy: readonly unknown[] = [];
      for (const [each, looked] of steps) {
        switch (each.do) {
          case 'put':
            collection.put(each.pk, each.data);
            break;
          case 'lay':
            ops.push({ pk: each.pk, data: each.data, creates: each.creates && each.data !== null, position: null });
            layer.lay(ops.at(-1) as Op);
            break;
          case 'lift':
            for (const op of ops.splice(each.which % (ops.length || 1), 1)) layer.lift(op);
            break;
          case 'reload':
            collection.load();
            for (const [key, row] of each.rows) collection.add(key, row);
            collection.swap();
            break;
          case 'tell':
            collection.changes();
            break;
          case 'fill':
            for (let key = each.from; key < each.from + 100; key++) collection.put(key, { v: 0 });
            break;
        }
        if (!looked) continue;
        const shown = collection.greeting().map((change) => change.data);
        expect(collection.rows).toEqual(shown);
        expect(collection.rows.every((row, at) => row === shown[at])).toBe(true);
        expect(collection.rows).toBe(collection.rows);
        expect(seen).toEqual(copy); // who has an array from before still has it as it was
        seen = collection.rows;
        copy = [...seen];
      }
    }),
    { numRuns: 1_000 },
  );
});
