import { describe, expect, test } from 'vitest';
import { breaks } from '../../scripts/mutants/law.ts';
import { MUTANTS } from '../../scripts/mutants/mutants.ts';
import { search } from '../../scripts/mutants/search.ts';
import seeds from '../../scripts/mutants/seeds.json' with { type: 'json' };

/**
 * Schedules that are run when the one that was written down does not find it: a change to what is shipped makes another schedule of each seed.
 * `node scripts/mutants/hunt.ts --from 1 --record` writes them down anew.
 */
const MORE = 8_000;

const recorded = new Map<string, number>(Object.entries(seeds));

describe('what is shipped, with one thing changed, is found', () => {
  test.each(MUTANTS)('$name', { timeout: 600_000 }, async ({ name, breaks: broken, law }) => {
    if (law) {
      expect(await breaks(name, law), `“${law.name}” holds all the same: ${broken}`).toBe(true);
      return;
    }
    const seed = recorded.get(name);
    if (seed === undefined)
      throw new Error(`no schedule is written down that finds it: node scripts/mutants/hunt.ts '${name}' --from 1 --record`);
    const found = (await search({ mutant: name, first: seed, count: 1 })) ?? (await search({ mutant: name, first: 1, count: MORE }));
    expect(found, `no schedule finds it any more: ${broken}`).not.toBeNull();
  });
});

test('every schedule that is written down is of a mutant', () => {
  const simulated = MUTANTS.filter(({ law }) => !law).map(({ name }) => name);
  expect([...recorded.keys()].sort()).toEqual(simulated.sort());
});
