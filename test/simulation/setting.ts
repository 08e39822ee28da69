import type { LedgerBounds } from '../../src/core/index.ts';
import type { BulkBounds } from '../../src/server/index.ts';
import type { Random } from './random.ts';

/** What is different from one schedule to the next, beside chance: each looks into another corner. */
export interface Setting {
  readonly servers: number;
  readonly pages: number;
  readonly actions: number;
  /** Each byte that waits counts as so many. */
  readonly scale: number;
  readonly window: LedgerBounds;
  readonly bulk: BulkBounds;
  readonly confirmAfter: number;
  /** How often a commit has to wait before it can be seen. */
  readonly standby: number;
  /** Whether notes are found by a condition, or by reading all. */
  readonly scans: boolean;
  readonly development: boolean;
  /** Milliseconds after which credentials run out; null: never. */
  readonly expires: number | null;
  /** What may go wrong, and how often among all that happens. */
  readonly faults: Readonly<Record<Fault, number>>;
}

export type Fault =
  | 'cut'
  | 'half-open'
  | 'stall'
  | 'kill page'
  | 'crash server'
  | 'restart server'
  | 'release'
  | 'cut database'
  | 'crash database'
  | 'lose slot'
  | 'new epoch'
  | 'new secret'
  | 'lose entries'
  | 'lose an answer'
  | 'lie'
  | 'truncate'
  | 'bulk'
  | 'revoke'
  | 'long wait';

const WEIGHTS: Readonly<Record<Fault, number>> = {
  cut: 3,
  'half-open': 1,
  stall: 3,
  'kill page': 0.5,
  'crash server': 1,
  'restart server': 0.7,
  release: 0.5,
  'cut database': 1,
  'crash database': 0.5,
  'lose slot': 0.3,
  'new epoch': 0.2,
  'new secret': 0.2,
  'lose entries': 0.4,
  'lose an answer': 0.4,
  lie: 1,
  truncate: 0.4,
  bulk: 0.6,
  revoke: 0.4,
  'long wait': 1,
};

const ROOMY: LedgerBounds = { entries: 10_000, bytes: 16_777_216, age: 3_600_000 };

export function settingOf(random: Random): Setting {
  // Most schedules have a few kinds of trouble: all of them at once hide one another.
  const often = random.pick([0, 0.2, 0.5, 1]);
  const faults = Object.fromEntries(Object.entries(WEIGHTS).map(([fault, weight]) => [fault, random.chance(often) ? weight : 0]));
  const standby = random.pick([0, 0.2, 0.6]);
  // Whoever takes a slot away waits for what is under way, as Postgres does: a source need not know more than that.
  if (standby > 0) faults['lose slot'] = 0;
  return {
    servers: random.chance(0.3) ? 2 : 1,
    pages: random.between(1, 3),
    actions: random.between(15, 45),
    scale: random.pick([1, 60, 400, 1_000]),
    window: random.chance(0.7) ? ROOMY : { ...ROOMY, entries: random.between(1, 12), age: random.pick([3_600_000, 3_600_000, 2_000]) },
    bulk: { rows: random.pick([1_000, 3]), bytes: 1_048_576 },
    confirmAfter: random.pick([0, 50, 2_000]),
    standby,
    scans: random.chance(0.5),
    development: random.chance(0.2),
    expires: random.chance(0.1) ? random.between(1_000, 90_000) : null,
    faults: faults as Record<Fault, number>,
  };
}
