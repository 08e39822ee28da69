import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shows, type Snapshot } from '../../core/index.ts';
import { Gone } from './gone.ts';

const UNTIL = 'ffffffffffffffff';

function snapshotOf(xmax: bigint, running: readonly bigint[]): Snapshot {
  const open = running.filter((xid) => xid < xmax);
  return { by: 'xid', until: UNTIL, xmin: open.reduce((least, xid) => (xid < least ? xid : least), xmax), xmax, running: new Set(open) };
}

test('rows have all that has gone exactly when their snapshot shows each of it', () => {
  const xid = fc.bigInt({ min: 1n, max: 200_000n });
  fc.assert(
    fc.property(fc.array(xid), xid, fc.array(xid), (went, xmax, running) => {
      const gone = new Gone();
      for (const each of went) gone.add(each);
      const snapshot = snapshotOf(xmax, running);
      const all = went.every((each) => shows(snapshot, { position: UNTIL, xid: String(each) }));
      expect(gone.shownIn(snapshot)).toBe(all);
    }),
  );
});

test('a transaction that stays open keeps nobody from their rows', () => {
  const gone = new Gone();
  for (let xid = 6n; xid < 100_000n; xid++) gone.add(xid);
  expect(gone.shownIn(snapshotOf(100_000n, [5n]))).toBe(true);
  expect(gone.shownIn(snapshotOf(100_000n, [5n, 7n]))).toBe(false);
});

test('what is too much to be known is not taken for seen', () => {
  const gone = new Gone();
  for (let xid = 1n; xid < 300n * 65_536n; xid += 65_536n) gone.add(xid);
  const now = 300n * 65_536n;
  expect(gone.shownIn(snapshotOf(now, []))).toBe(true);
  expect(gone.shownIn(snapshotOf(now, [2n]))).toBe(false);
  expect(gone.shownIn(snapshotOf(now, [now - 5n]))).toBe(true);
});

test('where rows and log have one order, nothing has to be known', () => {
  const gone = new Gone();
  gone.add(7n);
  expect(gone.shownIn({ by: 'position', until: UNTIL })).toBe(true);
});
