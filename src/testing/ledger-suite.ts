import type { Ledger, LedgerBounds, Position } from '../core/index.ts';
import { APPEND_LAWS } from './ledger-append-laws.ts';
import { BOUND_LAWS } from './ledger-bound-laws.ts';
import { FOLLOW_LAWS } from './ledger-follow-laws.ts';
import { LOSS_LAWS } from './ledger-loss-laws.ts';
import { MODEL_LAWS } from './ledger-model.ts';
import { LedgerTrial } from './ledger-trial.ts';
import { runLaws, type Laws, type Runner, type Skip } from './runner.ts';

/** A body of the ledger port, put under test. */
export interface LedgerFixture {
  readonly name: string;
  readonly skip: readonly Skip[];
  /** How long something may take to come before a law says that it does not, ms. Default 20,000. */
  readonly patience?: number;
  /** Of the law that plays at random: what a failure printed, to see it again. Default: another each time. */
  readonly seed?: number;
  /** Can this ledger lose anything? Then its worlds have `lose`, and the laws of loss are run too. Default: false. */
  readonly loses?: boolean;
  /** A ledger of its own, empty, that begins at `start`. Bounds that are not given are never met. */
  open(start: Position, bounds: Partial<LedgerBounds>): Promise<LedgerWorld>;
}

export interface LedgerWorld {
  readonly ledger: Ledger;
  /** The same ledger as another process has it; the same object where there is but one process. */
  another(): Promise<Ledger>;
  /** Makes this much time pass, as the ledger counts its entries' age, ms. It may take as long. */
  pass(ms: number): Promise<void>;
  /** What a failure may take of a ledger outside this process. There where the fixture `loses`. */
  readonly lose?: LedgerLoss;
  close(): Promise<void>;
}

export interface LedgerLoss {
  /**
   * From here on nothing of the ledger outlives a failure; what this gives back is that failure: the ledger is as it was at this call, its term
   * too. Left out: only all can be lost, and a skip says so.
   */
  lag?(): Promise<() => Promise<void>>;
  /** Everything goes, as if nobody had ever begun it. */
  all(): Promise<void>;
}

const LAWS: Laws<LedgerTrial> = { ...APPEND_LAWS, ...FOLLOW_LAWS, ...BOUND_LAWS, ...MODEL_LAWS };

/**
 * The laws of the ledger port, over one body of it.
 *
 * @example
 * ```ts
 * import { describe, test } from 'vitest'
 * ledgerSuite({ name: 'mine', skip: [], open: (start, bounds) => openMine(start, bounds) }, { describe, test })
 * ```
 */
export function ledgerSuite(fixture: LedgerFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: ledger`, () => {
    runLaws(fixture.loses ? { ...LAWS, ...LOSS_LAWS } : LAWS, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const trial = new LedgerTrial(fixture);
        try {
          await law(trial);
        } finally {
          await trial.end();
        }
      });
    });
  });
}
