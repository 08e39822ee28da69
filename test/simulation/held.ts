import { expect, test } from 'vitest';
import { campaign } from './campaign.ts';

/** `SIM_SCHEDULES` widens it; `SIM_SEED` begins elsewhere. */
const SCHEDULES = Number(process.env['SIM_SCHEDULES'] ?? 20_000);
const FIRST = Number(process.env['SIM_SEED'] ?? 1);
/** Lines of a failure's story that are shown: its end. */
const STORY = 250;

/** What schedules that show something must have come to, often. */
const OFTEN = [
  'ready by rows',
  'ready by resuming',
  'merged commit',
  'caught up',
  'dropped',
  'refused forbidden',
  'reset truncate',
  'reset retention',
  'reset membership',
  'reset backplane_loss',
  'reset bindings',
  'reset timeline',
  'reset token_invalid',
  'reset permission_changed',
  'crash server',
  'restart server',
  'crash database',
  'stall',
  'half-open',
  'lie',
];

/** One half of all schedules, so that two processes share them. */
export function heldInHalf(half: 0 | 1): void {
  const count = Math.ceil(SCHEDULES / 2);
  const first = FIRST + half * count;
  test(`at every position after ready a collection is the table as of that commit: ${count} schedules from seed ${first}`, async () => {
    const { broken, counts } = await campaign({ first, count, traced: true });
    if (broken) {
      throw new Error(
        `${broken.trace.slice(-STORY).join('\n')}\n\nseed ${broken.seed}: ${broken.law}\nall of it: node scripts/simulate.ts ${broken.seed}`,
      );
    }
    // A law that nothing puts to the test holds by itself.
    if (count >= 5_000) expect(OFTEN.filter((what) => (counts.get(what) ?? 0) < count / 500)).toEqual([]);
  }, 3_600_000);
}
