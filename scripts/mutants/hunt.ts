// Looks for every mutant anew, or for those that are named, and says by which schedule it is found.
//   node scripts/mutants/hunt.ts                      from seeds of now on
//   node scripts/mutants/hunt.ts --from 1 --record    from there on; writes the seeds down for CI
//   node scripts/mutants/hunt.ts 'unfolded' --from 1
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { breaks } from './law.ts';
import { MUTANTS } from './mutants.ts';
import { search } from './search.ts';

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
for (const { name, law } of MUTANTS) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  if (law) {
    const found = await breaks(name, law);
    console.log(`${name}: ${found ? 'found' : 'NOT FOUND'} by “${law.name}”`);
    if (!found) lost.push(name);
    continue;
  }
  const found = await search({ mutant: name, first: Number(values.from), count: Number(values.most) });
  console.log(`${name}: ${found ? `found by ${found.seed}: ${found.law}` : `NOT FOUND in ${values.most} schedules from ${values.from}`}`);
  if (found) seeds[name] = found.seed;
  else lost.push(name);
}
if (values.record) {
  const known = MUTANTS.flatMap(({ name, law }) => (law || seeds[name] === undefined ? [] : [[name, seeds[name]] as const]));
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}
if (lost.length > 0) process.exitCode = 1;
