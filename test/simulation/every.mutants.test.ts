import { describe, expect, test } from 'vitest';
import { MutantCopy } from '../../scripts/mutants/copy.ts';
import { MUTANTS } from '../../scripts/mutants/mutants.ts';
import seeds from '../../scripts/mutants/seeds.json' with { type: 'json' };

/**
 * Schedules that are run when the one that was written down does not find it: a change to what is shipped makes another schedule of each seed.
 * `node scripts/mutants/hunt.ts --from 1 --record` writes them down anew.
 */
const MORE = 2_000;

const recorded = new Map<string, number>(Object.entries(seeds));

describe('what is shipped, with one thing changed, is found', () => {
  test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('%s', { timeout: 300_000 }, async (name, mutant) => {
    using copy = new MutantCopy(mutant);
    if (mutant.law) {
      expect(await copy.breaks(mutant.law), `“${mutant.law.name}” holds all the same: ${mutant.breaks}`).toBe(true);
      return;
    }
    const seed = recorded.get(name);
    if (seed === undefined)
      throw new Error(`no schedule is written down that finds it: node scripts/mutants/hunt.ts '${name}' --from 1 --record`);
    const found = (await copy.simulate(seed, 1)) ?? (await copy.simulate(1, MORE));
    expect(found, `no schedule finds it any more: ${mutant.breaks}`).not.toBeNull();
  });
});

test('every schedule that is written down is of a mutant', () => {
  const simulated = MUTANTS.filter(({ law }) => !law).map(({ name }) => name);
  expect([...recorded.keys()].sort()).toEqual(simulated.sort());
});
