// Runs schedules of the simulation, and tells the first one that breaks a law, step by step.
//   node scripts/simulate.ts 4711            that one
//   node scripts/simulate.ts 1 20000         so many, from there on
//   node scripts/simulate.ts 1 20000 brief   only its seed and the law
import { campaign } from '../test/simulation/campaign.ts';

const [first = '1', count = '1', brief] = process.argv.slice(2);
const began = process.cpuUsage();
const { ran, events, counts, broken } = await campaign({ first: Number(first), count: Number(count), traced: brief === undefined });
const { user, system } = process.cpuUsage(began);
if (broken) {
  if (broken.trace.length > 0) console.log(broken.trace.join('\n'));
  console.log(`seed ${broken.seed}: ${broken.law}`);
  process.exitCode = 1;
} else {
  for (const [what, times] of [...counts].sort()) console.log(`${String(times).padStart(8)}  ${what}`);
}
console.log(`${ran} schedules, ${events} events, ${((user + system) / ran / 1_000).toFixed(2)} ms of CPU each`);
