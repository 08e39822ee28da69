import { runSchedule } from './schedule.ts';

// node test/simulation/replay.ts SEED [COUNT]: runs these schedules, and prints the trace of the first that breaks a law.
const [first = 1, count = 1] = process.argv.slice(2).map(Number);
const began = performance.now();
const counts = new Map<string, number>();
let events = 0;
for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSchedule(seed);
  events += outcome.events;
  for (const [what, times] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + times);
  if (outcome.broken === null) continue;
  const { trace, broken } = await runSchedule(seed, true);
  console.log(trace.join('\n'));
  console.log(`seed ${seed}: ${broken}`);
  process.exitCode = 1;
  break;
}
console.log(`${count} schedules, ${events} events, ${((performance.now() - began) / count).toFixed(2)} ms each`);
console.log([...counts].sort().map(([what, times]) => `${what}: ${times}`).join('\n'));
