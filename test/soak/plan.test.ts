import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plan, type Step } from './plan.ts';
import { Random } from './random.ts';

const sizes = fc.record({
  changes: fc.integer({ min: 1_000, max: 250_000 }),
  reconnects: fc.integer({ min: 0, max: 500 }),
  kills: fc.integer({ min: 0, max: 40 }),
});

const planned = (seed: number, size: { changes: number; reconnects: number; kills: number }) => plan({ ...size, random: new Random(seed) });

test('as many kills are planned as were asked for, whatever the seed: of the server and of Postgres by halves, and slots beside them', () => {
  fc.assert(
    fc.property(fc.nat(), sizes, (seed, size) => {
      const steps = planned(seed, size);
      const times = (step: Step): number => steps.filter((each) => each.step === step).length;
      expect(times('kill server') + times('crash database')).toBe(size.kills);
      expect(times('kill server') - times('crash database')).toBe(size.kills % 2);
      expect(times('lose slot')).toBe(Math.ceil(size.kills / 5));
    }),
  );
});

test('everything is planned for before the end, and in order', () => {
  fc.assert(
    fc.property(fc.nat(), sizes, (seed, size) => {
      const after = planned(seed, size).map((step) => step.after);
      expect(after).toEqual(after.toSorted((one, other) => one - other));
      expect(after.every((at) => at >= 0 && at < size.changes)).toBe(true);
    }),
  );
});

test('in the middle two fifths the server is not taken down', () => {
  fc.assert(
    fc.property(fc.nat(), sizes, (seed, size) => {
      const ends = planned(seed, size).filter(({ step }) => step === 'kill server' || step === 'lose slot');
      expect(ends.filter(({ after }) => after > size.changes * 0.3 && after < size.changes * 0.7 - 1)).toEqual([]);
    }),
  );
});

test('the same seed plans the same', () => {
  const size = { changes: 20_000, reconnects: 100, kills: 5 };
  expect(planned(7, size)).toEqual(planned(7, size));
  expect(planned(7, size)).not.toEqual(planned(8, size));
});
