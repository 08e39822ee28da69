// Looks for every mutant anew, or for those that are named, and says by which schedule it is found.
//   node scripts/mutants/hunt.ts                      from seeds of now on
//   node scripts/mutants/hunt.ts --from 1 --record    from there on; writes the seeds down for CI
//   node scripts/mutants/hunt.ts 'unfolded' --from 1
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MutantCopy } from './copy.ts';
import { MUTANTS } from './mutants.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    from: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    most: { type: 'string', default: '20000' },
    record: { type: 'boolean', default: false },
  },
});
const path = join(import.meta.dirname, 'seeds.json');
const seeds = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
const lost: string[] = [];
for (const mutant of MUTANTS) {
  if (positionals.length > 0 && !positionals.includes(mutant.name)) continue;
  using copy = new MutantCopy(mutant);
  if (mutant.law) {
    const found = await copy.breaks(mutant.law);
    console.log(`${mutant.name}: ${found ? 'found' : 'NOT FOUND'} by “${mutant.law.name}”`);
    if (!found) lost.push(mutant.name);
    continue;
  }
  const seed = await copy.simulate(Number(values.from), Number(values.most));
  console.log(`${mutant.name}: ${seed === null ? `NOT FOUND in ${values.most} schedules from ${values.from}` : `found by ${seed}`}`);
  if (seed === null) lost.push(mutant.name);
  else seeds[mutant.name] = seed;
}
if (values.record) {
  const known = MUTANTS.flatMap(({ name, law }) => (law || seeds[name] === undefined ? [] : [[name, seeds[name]] as const]));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}
if (lost.length > 0) process.exitCode = 1;
