import fc from 'fast-check';
import { expect, test } from 'vitest';
import { snapshotOf, spansBetween, type PgSnapshot } from './spans.ts';

/** A history of transactions: each begins at one step and ends at a later one, or never. */
const history = fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 60 }).map((steps) => {
  const open: bigint[] = [];
  const snapshots: PgSnapshot[] = [{ xmax: 3n, running: [] }];
  let next = 3n;
  let latest = 2n; // the last that ended: a snapshot counts nothing after it
  for (const [begins, which] of steps) {
    if (begins || open.length === 0) open.push(next++);
    else {
      const [ended = 0n] = open.splice(which % open.length, 1);
      latest = ended > latest ? ended : latest;
    }
    snapshots.push({ xmax: latest + 1n, running: open.filter((xid) => xid <= latest) });
  }
  return { snapshots, next };
});

const shows = ({ xmax, running }: PgSnapshot, xid: bigint): boolean => xid < xmax && !running.includes(xid);

test('between two moments stand exactly the transactions that ended in between, each once', () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.nat(), ({ snapshots, next }, one, other) => {
      const [early = 0, late = 0] = [one % snapshots.length, other % snapshots.length].toSorted((a, b) => a - b);
      const [then, now] = [snapshots[early], snapshots[late]] as [PgSnapshot, PgSnapshot];
      const found: bigint[] = [];
      for (const [first, last] of spansBetween(then, now)) for (let xid = first; xid <= last; xid++) found.push(xid);
      const ended: bigint[] = [];
      for (let xid = 3n; xid < next; xid++) if (shows(now, xid) && !shows(then, xid)) ended.push(xid);
      expect(found.toSorted((a, b) => Number(a - b))).toEqual(ended);
    }),
    { numRuns: 500 },
  );
});

test('a snapshot is read as Postgres writes it', () => {
  expect(snapshotOf('10:20:10,14,19')).toEqual({ xmax: 20n, running: [10n, 14n, 19n] });
  expect(snapshotOf('18446744073709551610:18446744073709551615:')).toEqual({ xmax: 18446744073709551615n, running: [] });
});
