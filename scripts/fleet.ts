// The oracle soak on several servers, whatever they share. See test/soak/fleet.ts.
//   node scripts/fleet.ts --shared redis --changes 250000 --reconnects 500 --kills 20 --freezes 10 --cuts 16 --seed 7
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fleetSoak, type FleetOptions, type Shared } from '../test/soak/fleet.ts';
import { growth } from '../test/soak/growth.ts';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: 'siblings' },
    changes: { type: 'string', default: '5000' },
    reconnects: { type: 'string', default: '25' },
    kills: { type: 'string', default: '4' },
    freezes: { type: 'string', default: '1' },
    cuts: { type: 'string', default: '4' },
    rounds: { type: 'string' },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '18' },
    pace: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    /** One kind of fault: `--only 'freeze leader'`. */
    only: { type: 'string' },
    log: { type: 'boolean', default: false },
    /** A folder: every text of every client goes into a file there. */
    record: { type: 'string' },
  },
});
const changes = Number(values.changes);
const seed = Number(values.seed);
const started = performance.now();
const say = (line: string): void => console.log(`${String(Math.round((performance.now() - started) / 1_000)).padStart(5)} s  ${line}`);
say(`three servers with ${values.shared}, seed ${seed}`);

const { record, only } = values;
if (record !== undefined) mkdirSync(record, { recursive: true });

const outcome = await fleetSoak({
  shared: values.shared as Shared,
  changes,
  reconnects: Number(values.reconnects),
  kills: Number(values.kills),
  freezes: Number(values.freezes),
  cuts: Number(values.cuts),
  nodes: Number(values.nodes),
  clients: Number(values.clients),
  pace: Number(values.pace),
  rounds: Number(values.rounds ?? Math.max(2, Math.round(changes / 25_000))),
  seed,
  say,
  ...(only !== undefined && { only: only as NonNullable<FleetOptions['only']> }),
  ...(record !== undefined && { record: (client, line) => appendFileSync(join(record, `${client}.jsonl`), `${JSON.stringify(line)}\n`) }),
});

const list = (counts: ReadonlyMap<string, number>): string => [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
console.log(`\nsteps: ${list(outcome.steps)}`);
console.log(`what came: ${list(outcome.counts)}`);
if (values.log || outcome.violations.length > 0) {
  for (const [n, log] of outcome.logs.entries()) console.log(`\nserver ${n}:\n${log.slice(-80).join('\n')}`);
}
for (const { kind, who, about } of outcome.violations.slice(0, 50)) console.log(`${kind.toUpperCase()} ${who}: ${about}`);
const grown = outcome.memory.map(growth);
for (const [n, { seconds, rss, heap, flat }] of grown.entries()) {
  const most = Math.round(Math.max(...(outcome.memory[n] ?? []).map((sample) => sample.rss)) / 2 ** 20);
  const how = flat === null ? 'not long enough to say' : flat ? 'flat' : 'GROWS';
  console.log(
    `RSS of server ${n}: ${how}: ${rss.join(' → ')} MiB, heap ${heap.join(' → ')} MiB over ${Math.round(seconds)} s; at most ${most} MiB`,
  );
}
console.log(
  `${outcome.violations.length === 0 ? 'sound' : `${outcome.violations.length} VIOLATIONS`}: ${values.shared}, ${outcome.changes} changes in ${outcome.commits} commits, ` +
    `${outcome.frames} frames, ${outcome.reconnects} reconnects, ${outcome.writes} writes answered, seed ${seed}`,
);
process.exit(outcome.violations.length === 0 && grown.every(({ flat }) => flat !== false) ? 0 : 1);
