import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from './table.ts';
import type { Result } from './measure.ts';
import { FULL, SMOKE, type Scale } from './scale.ts';
import { capture } from './workloads/capture.ts';
import { client } from './workloads/client.ts';
import { fanout } from './workloads/fanout.ts';
import { firstRows } from './workloads/first-rows.ts';
import { latency } from './workloads/latency.ts';
import { memory } from './workloads/memory.ts';
import { resume } from './workloads/resume.ts';
import { stalled } from './workloads/stalled.ts';
import { storm } from './workloads/storm.ts';
import { writes } from './workloads/writes.ts';

const WORKLOADS: Readonly<Record<string, (scale: Scale) => Promise<readonly Result[]>>> = {
  fanout,
  latency,
  capture,
  writes,
  resume,
  storm,
  'first-rows': firstRows,
  stalled,
  memory,
  client,
};

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    /** Another checkout, built: its Rowcast is measured beside this one. */
    against: { type: 'string' },
  },
});
const scale: Scale = { ...(values.smoke ? SMOKE : FULL), ...(values.against !== undefined && { against: values.against }) };
const results: Result[] = [];
for (const [name, workload] of Object.entries(WORKLOADS)) {
  if (values.only && !values.only.includes(name)) continue;
  process.stderr.write(`${name} `);
  results.push(...(await workload(scale)));
}
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0], node: process.version, at: new Date().toISOString() };
console.log(table(results));
console.log(
  `${machine.cores} × ${machine.cpu}, Node ${machine.node}, load ${machine.load?.toFixed(1)}; medians of ${scale.passes} interleaved passes, [least–most]`,
);
if (!values.smoke) {
  const folder = new URL('./results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const file = new URL(`${machine.at.replaceAll(':', '-')}.json`, folder);
  await writeFile(file, JSON.stringify({ machine, scale, results }, null, 2));
  console.log(`written to ${fileURLToPath(file)}`);
}
