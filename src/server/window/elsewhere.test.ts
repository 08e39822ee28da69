import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positionOf, shows, type Entry, type Receipt, type Snapshot } from '../../core/index.ts';
import { digestOf } from '../bindings/versions.ts';
import { systemClock } from '../time/clock.ts';
import { Elsewhere } from './elsewhere.ts';
import { Window } from './window.ts';

const OWN = { posts: 'ours' };
const THEIRS = { posts: 'theirs' };

/** One process, and what it is told of a log that two kinds of bindings read in turn. */
function process() {
  const window = new Window({ entries: 1_000, bytes: 1_000_000, age: 3_600_000 }, systemClock);
  window.begin(positionOf(0), 'retention');
  const marks: Receipt[] = [];
  let ids = 0;
  const elsewhere = new Elsewhere({
    own: OWN,
    window,
    turnAway: () => undefined,
    mark: (receipt) => void marks.push(receipt),
    id: () => `mark ${++ids}`,
  });
  let last = 0;
  return {
    window,
    elsewhere,
    marks,
    /** The next entry of the log: a row of `posts` was made in this transaction. Gives whether this process is told of it. */
    pass(xid: number, versions: Readonly<Record<string, string>>, receipts: readonly Receipt[] = []): boolean {
      const deliveries = [{ stream: 'posts', key: `[${xid}]`, before: null, after: ['all'], fields: '{}' }];
      const about = { xid: String(xid), receipts, deliveries, resets: [], members: [], version: digestOf(versions), versions };
      const entry: Entry = { position: positionOf(last + 1), prev: positionOf(last), ...about };
      last++;
      const own = elsewhere.pass(entry);
      window.push(own);
      return own.deliveries.length > 0;
    },
    /** Rows read now, while these transactions were under way. */
    rows(running: readonly number[], xmax: number): Snapshot {
      const open = running.map(BigInt);
      const xmin = open.reduce((least, xid) => (xid < least ? xid : least), BigInt(xmax));
      return { by: 'xid', until: positionOf(last), xmin, xmax: BigInt(xmax), running: new Set(open) };
    },
    /** Whether they are gone on from. */
    goOn(snapshot: Snapshot): boolean {
      const start = window.startOf(snapshot);
      return start !== null && window.resetSince(start, 'posts', snapshot) === null;
    },
  };
}

test('rows that lack what came just before a stream was told again are not gone on from, though it was begun after the mark', () => {
  const { pass, rows, goOn, marks, elsewhere } = process();
  expect(pass(5, THEIRS)).toBe(false);
  elsewhere.by(digestOf(OWN));
  // The mark takes its number, 7 takes the next one, and is in the log before it: it waits for a standby, and the mark does not.
  expect(pass(7, OWN)).toBe(false);
  expect(pass(6, OWN, marks)).toBe(true);
  expect(goOn(rows([7], 8))).toBe(false);
  expect(goOn(rows([], 8))).toBe(true);
});

test('whoever reads the log in turn, and in whatever order commits can be seen, no row is neither in the rows nor told', () => {
  const step = fc.record({ turns: fc.nat({ max: 5 }), late: fc.nat({ max: 3 }), unseen: fc.subarray([0, 1, 2, 3]) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { pass, rows, goOn, marks, elsewhere } = process();
      let ids = 10;
      let own = true;
      /** Begun, and not in the log yet. */
      const open: { readonly xid: number; readonly receipts: readonly Receipt[] }[] = [];
      const told = new Map<number, boolean>();
      /** In the log. */
      const passed: number[] = [];
      for (const { turns, late, unseen } of steps) {
        if (turns === 0) own = !own;
        if (turns < 2) elsewhere.by(digestOf(own ? OWN : THEIRS)); // else the next entry says so
        for (const mark of marks.splice(0)) open.push({ xid: ids++, receipts: [mark] });
        open.push({ xid: ids++, receipts: [] });
        while (open.length > late) {
          const [next] = open.splice(Math.min(late, open.length - 1), 1) as [(typeof open)[number]];
          told.set(next.xid, pass(next.xid, own ? OWN : THEIRS, next.receipts));
          passed.push(next.xid);
        }
        // Some that are in the log cannot be seen yet.
        const last = passed.slice(-4).filter((_, at) => unseen.includes(at));
        const snapshot = rows([...last, ...open.map(({ xid }) => xid)], ids);
        if (!goOn(snapshot)) continue;
        for (const [at, xid] of passed.entries()) {
          const isSeen = shows(snapshot, { position: positionOf(at + 1), xid: String(xid) });
          expect([xid, isSeen || told.get(xid)]).toEqual([xid, true]);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
