import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lsnOf, lsnText, widen } from './lsn.ts';

test('an LSN is the same after being written and read', () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (lsn) => lsnOf(lsnText(lsn)) === lsn));
  expect(lsnText(0x1_6b37_4d48n)).toBe('1/6B374D48');
});

test('a transaction number is widened to the one meant, whichever side of 2^32 the known one is on', () => {
  const around = fc
    .bigInt({ min: 0n, max: 5n })
    .chain((epoch) => fc.bigInt({ min: -(1n << 31n) + 1n, max: (1n << 31n) - 1n }).map((offset) => (epoch << 32n) + offset));
  const near = fc.bigInt({ min: -(1n << 31n) + 1n, max: (1n << 31n) - 1n });
  fc.assert(
    fc.property(around, near, (known, distance) => {
      const meant = known + distance;
      fc.pre(known >= 0n && meant >= 0n);
      expect(widen(Number(meant & 0xffff_ffffn), known)).toBe(meant);
    }),
    { numRuns: 10_000 },
  );
});
