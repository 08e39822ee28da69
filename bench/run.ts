import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit, load, machine, versions } from './machine.ts';
import { killAll, profiling, PROFILES } from './process.ts';
import { progress } from './progress.ts';
import { publish } from './publish.ts';
import { judged, PASSES, type Measured, type Run } from './results.ts';
import { FULL, SMOKE, type Scale } from './scale.ts';
import { table } from './table.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

const USAGE = `npm run bench -- [options]
  --only NAME        this workload; may be given several times
  --passes N         default ${FULL.passes}
  --against FOLDER   another checkout, built: its Rowcast is measured beside this one, where a workload knows how
  --smoke            whether everything runs, in a minute; judges no time
  --profile cpu|heap what the servers do in the passes that count, in files; the figures are not to be trusted then
  --publish          what is measured goes into docs/bench, docs/bench.md and the README
  --list             the workloads`;

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    passes: { type: 'string' },
    against: { type: 'string' },
    profile: { type: 'string' },
    publish: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const { smoke, only, against, profile } = values;

if (values.help) end(USAGE);
if (values.list) {
  end(
    Object.entries(WORKLOADS)
      .map(([name, { about }]) => `${name.padEnd(12)} ${about}`)
      .join('\n'),
  );
}
const unknown = only?.find((name) => !Object.hasOwn(WORKLOADS, name));
if (unknown !== undefined) end(`there is no workload ${unknown}: ${Object.keys(WORKLOADS).join(', ')}`, 2);
const passes = values.passes === undefined ? undefined : Number(values.passes);
if (passes !== undefined && !(Number.isInteger(passes) && passes > 0)) end(`--passes takes a number from 1, not ${values.passes}`, 2);
if (profile !== undefined && profile !== 'cpu' && profile !== 'heap') end(`--profile takes cpu or heap, not ${profile}`, 2);
if (values.publish && (smoke || against || profile || (passes ?? PASSES) < PASSES)) {
  end(`only a full run is published: without --smoke, --against and --profile, and of ${PASSES} passes at least`, 2);
}

const scale: Scale = { ...(smoke ? SMOKE : FULL), ...(passes !== undefined && { passes }), ...(against !== undefined && { against }) };
if (profile) profiling.kind = profile;
const LIMIT = smoke ? 60_000 : 600_000; // ms for one workload: what hangs is not waited for
const started = new Date().toISOString();
const folder = new URL('./results/', import.meta.url);
const file = new URL(`${started.replaceAll(':', '-')}.json`, folder);
const workloads: Record<string, Measured> = {};
const failed: Record<string, string> = {};
const about = { machine: machine(), commit: commit(), versions: versions(), scale };
const run = (): Run => ({ ...about, workloads, failed });
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
  void killAll();
});

for (const [name, workload] of Object.entries(WORKLOADS)) {
  if (stopped || (only && !only.includes(name))) continue;
  await measure(name, workload);
  if (!smoke && !profile) {
    // After each: what is measured is not lost by what comes after.
    await mkdir(folder, { recursive: true });
    await writeFile(file, `${JSON.stringify(run(), null, 2)}\n`);
  }
}

const { cpu, cores, memory, system, node } = about.machine;
if (!smoke) {
  console.log(table(Object.values(workloads).flatMap(({ results }) => results)));
  console.log(`\n${cores} × ${cpu}, ${memory}, ${system}, Node ${node}, commit ${about.commit}, load ${load()}`);
  console.log(`medians of ${scale.passes} interleaved passes, [least–most]`);
}
const all = Object.values(workloads).flatMap(({ results }) => results);
const verdicts = all.flatMap((each) => each.judged.map(({ verdict }) => verdict));
const count = (verdict: string): number => verdicts.filter((each) => each === verdict).length;
console.log(
  smoke
    ? `${all.length} figures of ${Object.keys(workloads).length} workloads; no time was judged`
    : `${all.length} figures; of ${verdicts.length} targets ${count('met')} met, ${count('missed')} missed, ${count('unmeasured')} unmeasured`,
);
if (profile) console.log(`profiles are in ${PROFILES}`);
else if (!smoke) console.log(`written to ${fileURLToPath(file)}`);
for (const [name, why] of Object.entries(failed)) console.error(`FAILED ${name}: ${why}`);
if (values.publish && Object.keys(workloads).length > 0) {
  console.log(await publish([JSON.parse(await readFile(file, 'utf8')) as Run]));
}
// What a workload that was given up has left open is not waited for.
process.exit(stopped ? 130 : Object.keys(failed).length > 0 ? 1 : 0);

async function measure(name: string, { load: loaded }: Workload): Promise<void> {
  progress.begin(name);
  profiling.workload = name;
  const begin = Date.now();
  const before = load();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    void killAll();
    late.reject(new Error(`not done after ${LIMIT / 1_000} s`));
  }, LIMIT);
  try {
    const results = await Promise.race([(async () => (await loaded())(scale))(), late.promise]);
    const seconds = Math.round((Date.now() - begin) / 100) / 10;
    workloads[name] = { at: new Date(begin).toISOString(), seconds, load: [before, load()], results: judged(results) };
    progress.say(`${name}: ${results.length} figures in ${seconds} s`);
  } catch (error) {
    failed[name] = stopped ? 'stopped' : error instanceof Error ? error.message : String(error);
    progress.say(`${name}: FAILED after ${Math.round((Date.now() - begin) / 1_000)} s`);
    console.error(error);
  } finally {
    clearTimeout(timer);
    await killAll();
  }
}

function end(text: string, code = 0): never {
  (code === 0 ? console.log : console.error)(text);
  process.exit(code);
}
