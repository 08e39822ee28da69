import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Going, going, PROFILES } from './going.ts';
import { commit, load, machine, versions } from './machine.ts';
import { readOptions } from './options.ts';
import { progress } from './progress.ts';
import { publish, publishFlames } from './publish.ts';
import { judged, type Measured, type Run } from './results.ts';
import { table } from './table.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const asked = readOptions(process.argv.slice(2), Object.fromEntries(Object.entries(WORKLOADS).map(([name, { about }]) => [name, about])));
if ('say' in asked) {
  (asked.wrong ? console.error : console.log)(asked.say);
  process.exit(asked.wrong ? 2 : 0);
}
const { names, scale, smoke, profile } = asked.run;
/** Ms for one workload: what hangs is not waited for. */
const LIMIT = smoke ? 150_000 : 600_000;
/** A smoke judges no time: two at once then, one for each core of the least machine. */
const ABREAST = smoke ? 2 : 1;

const workloads: Record<string, Measured> = {};
const failed: Record<string, string> = {};
const run: Run = { machine: machine(), commit: commit(), versions: versions(), scale, workloads, failed };
const file = new URL(`./results/${new Date().toISOString().replaceAll(':', '-')}.json`, import.meta.url);
const running = new Set<Going>();
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
  for (const each of running) void each.kill();
});

const waiting = [...names];
await Promise.all(
  Array.from({ length: ABREAST }, async () => {
    for (let name = waiting.shift(); name !== undefined && !stopped; name = waiting.shift()) {
      await measure(name, WORKLOADS[name] as Workload);
      if (!smoke && !profile && Object.keys(workloads).length > 0) await save(); // after each: what is measured is not lost by what comes after
    }
  }),
);

const figures = Object.values(workloads).flatMap(({ results }) => results);
if (smoke) console.log(`${figures.length} figures of ${Object.keys(workloads).length} workloads; no time was judged`);
else report();
for (const [name, why] of Object.entries(failed)) console.error(`FAILED ${name}: ${why}`);
if (asked.run.publish && figures.length > 0) console.log(await (profile ? publishFlames(Object.keys(workloads)) : publish([run])));
// What a workload that was given up has left open is not waited for.
process.exit(stopped ? 130 : Object.keys(failed).length > 0 ? 1 : 0);

async function measure(name: string, { load: loaded }: Workload): Promise<void> {
  const mine = new Going(name, profile);
  running.add(mine);
  const begin = Date.now();
  const seconds = (): number => Math.round((Date.now() - begin) / 100) / 10;
  const before = load();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not done after ${LIMIT / 1_000} s`)), LIMIT);
  try {
    const results = await Promise.race([going.run(mine, async () => (await loaded())(scale)), late.promise]);
    workloads[name] = { at: new Date(begin).toISOString(), seconds: seconds(), load: [before, load()], results: judged(results) };
    progress.say(`${name}: ${results.length} figures in ${seconds()} s`);
  } catch (error) {
    failed[name] = stopped ? 'stopped' : error instanceof Error ? error.message : String(error);
    progress.say(`${name}: FAILED after ${seconds()} s`);
    console.error(error);
  } finally {
    clearTimeout(timer);
    await mine.kill();
    running.delete(mine);
  }
}

async function save(): Promise<void> {
  await mkdir(new URL('./', file), { recursive: true });
  await writeFile(file, `${JSON.stringify(run, null, 2)}\n`);
}

function report(): void {
  const { cpu, cores, memory, system, node } = run.machine;
  const verdicts = figures.flatMap((each) => each.judged.map(({ verdict }) => verdict));
  const count = (verdict: string): number => verdicts.filter((each) => each === verdict).length;
  console.log(table(figures));
  console.log(`\n${cores} × ${cpu}, ${memory}, ${system}, Node ${node}, commit ${run.commit}, load ${load()}`);
  console.log(`medians of ${scale.passes} interleaved passes, [least–most]`);
  console.log(
    `${figures.length} figures; of ${verdicts.length} targets ${count('met')} met, ${count('missed')} missed, ${count('unmeasured')} unmeasured`,
  );
  if (figures.length > 0) console.log(profile ? `profiles are in ${PROFILES}` : `written to ${fileURLToPath(file)}`);
}
