import { runSchedule } from './schedule.ts';

// node test/simulation/replay.ts SEED [COUNT]: runs these schedules, and prints the trace of the first that breaks a law.
const [first = 1, count = 1] = process.argv.slice(2).map(Number);
const began = process.cpuUsage();
const counts = new Map<string, number>();
let [events, ran] = [0, 0];
for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSchedule(seed);
  ran++;
  events += outcome.events;
  for (const [what, times] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + times);
  if (outcome.broken === null) continue;
  const { trace, broken } = await runSchedule(seed, true);
  console.log(trace.join('\n'));
  console.log(`seed ${seed}: ${broken}`);
  process.exitCode = 1;
  break;
}
const { user, system } = process.cpuUsage(began);
console.log(`${ran} schedules, ${events} events, ${((user + system) / ran / 1_000).toFixed(2)} ms of CPU each`);
console.log(
  [...counts]
    .sort()
    .map(([what, times]) => `${what}: ${times}`)
    .join('\n'),
);
