import type { Ledger, LedgerBounds, Position } from '../core/index.ts';
import { APPEND_LAWS } from './ledger-append-laws.ts';
import { BOUND_LAWS } from './ledger-bound-laws.ts';
import { FOLLOW_LAWS } from './ledger-follow-laws.ts';
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
  /** A ledger of its own, empty, that begins at `start`. Bounds that are not given are never met. */
  open(start: Position, bounds: Partial<LedgerBounds>): Promise<LedgerWorld>;
}

export interface LedgerWorld {
  readonly ledger: Ledger;
  /** The same ledger as another process has it; the same object where there is but one process. */
  another(): Promise<Ledger>;
  /** Makes this much time pass, as the ledger counts its entries' age, ms. It may take as long. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
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
    runLaws(LAWS, fixture, ({ name, law, skipped }) => {
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
