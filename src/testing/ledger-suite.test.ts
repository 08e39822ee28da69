import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BROKEN } from '../../test/testing/broken-ledgers.ts';
import { PlainLedger } from '../../test/testing/plain-ledger.ts';
import type { Ledger, LedgerBounds, Position } from '../core/index.ts';
import { memoryLedger } from '../memory/index.ts';
import { playLedger, STEP_NUMBERS, stepOf } from './ledger-model.ts';
import { LedgerTrial } from './ledger-trial.ts';
import { ledgerSuite, type LedgerFixture } from './index.ts';

type Make = (start: Position, bounds: Partial<LedgerBounds>, now: () => number) => Ledger;

function fixtureOf(name: string, make: Make, patience = 20_000): LedgerFixture {
  return {
    name,
    skip: [],
    patience,
    ...(patience < 20_000 && { seed: 20261123 }),
    async open(start, bounds) {
      let now = 0;
      const ledger = make(start, bounds, () => now);
      return { ledger, another: async () => ledger, pass: async (ms) => void (now += ms), close: async () => {} };
    },
  };
}

const plain: Make = (start, bounds, now) => new PlainLedger(start, bounds, now);
const inMemory: Make = (start, bounds, now) => memoryLedger(start, { bounds, clock: { now } });
const MODEL = 'whatever is appended, trimmed, led, followed and read, in whatever order, it is as a plain list of entries would be';

/** A suite's laws, as its own runner gets them. */
function lawsOf(fixture: LedgerFixture): ReadonlyMap<string, () => Promise<void>> {
  const laws = new Map<string, () => Promise<void>>();
  const keep = (name: string, law: () => Promise<void>): unknown => laws.set(name, law);
  ledgerSuite(fixture, { describe: (_, body) => body(), test: Object.assign(keep, { skip: keep }) });
  return laws;
}

ledgerSuite(fixtureOf('a plain list', plain), { describe, test });

describe('the test of the test', () => {
  test.each(BROKEN.map(({ ledger, laws }) => [ledger.name, ledger, laws] as const))(
    'a ledger that %s is found by every law that forbids it',
    async (name, Broken, named) => {
      const laws = lawsOf(fixtureOf(name, (start, bounds, now) => new Broken(start, bounds, now), 500));
      for (const law of named) await expect(laws.get(law)?.(), law).rejects.toThrow();
    },
  );

  test('most of them are found by the model alone', async () => {
    const missed: string[] = [];
    for (const { ledger: Broken } of BROKEN) {
      const laws = lawsOf(fixtureOf(Broken.name, (start, bounds, now) => new Broken(start, bounds, now), 200));
      const found = await laws
        .get(MODEL)?.()
        .then(
          () => false,
          () => true,
        );
      if (!found) missed.push(Broken.name);
    }
    // Those break a promise about what happens between two awaits, and the model takes one step after the other.
    expect(missed.filter((name) => !['LosesAWakeUp', 'LooksAtTheTermTooEarly', 'ShowsHalfACall'].includes(name))).toEqual([]);
  });
});

const play = fc.record({
  bounds: fc.record({
    entries: fc.integer({ min: 1, max: 15 }),
    bytes: fc.integer({ min: 1, max: 20_000 }),
    age: fc.integer({ min: 0, max: 400 }),
  }),
  steps: fc.array(
    fc.tuple(...STEP_NUMBERS.map((below) => fc.nat(below - 1))).map((numbers) => stepOf(numbers as never)),
    { maxLength: 60 },
  ),
});

test('the memory ledger is as a plain list of entries would be, and where not, the shortest way to see it is printed', async () => {
  await fc.assert(
    fc.asyncProperty(play, async (each) => {
      const trial = new LedgerTrial(fixtureOf('memory', inMemory));
      try {
        await playLedger(trial, each);
      } finally {
        await trial.end();
      }
    }),
    { numRuns: 400 },
  );
});
