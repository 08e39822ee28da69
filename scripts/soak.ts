// The oracle soak at any size: real servers, random writers, flapping clients, what breaks them, and a judge that shares no code with Rowcast.
//   node scripts/soak.ts --changes 250000 --reconnects 500 --kills 20 --seed 7
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Memory } from '../test/soak/app-process.ts';
import { soak } from '../test/soak/soak.ts';
import type { Major } from '../test/servers/postgres.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '20000' },
    reconnects: { type: 'string', default: '100' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    clients: { type: 'string', default: '24' },
    writers: { type: 'string', default: '6' },
    pace: { type: 'string', default: '600' },
    rounds: { type: 'string' },
    major: { type: 'string', default: '18' },
    log: { type: 'boolean', default: false },
    /** A folder: every text of every client goes into a file there. */
    record: { type: 'string' },
  },
});
const changes = Number(values.changes);
const seed = Number(values.seed);
const started = performance.now();
console.log(`soak: seed ${seed}, Postgres ${values.major}`);

const { record } = values;
if (record !== undefined) mkdirSync(record, { recursive: true });

const outcome = await soak({
  changes,
  reconnects: Number(values.reconnects),
  kills: Number(values.kills),
  seed,
  clients: Number(values.clients),
  writers: Number(values.writers),
  pace: Number(values.pace),
  rounds: Number(values.rounds ?? Math.max(4, Math.round(changes / 10_000))),
  major: Number(values.major) as Major,
  ...(record !== undefined && { record: (client, line) => appendFileSync(join(record, `${client}.jsonl`), `${JSON.stringify(line)}\n`) }),
  say: (line) => console.log(`${String(Math.round((performance.now() - started) / 1_000)).padStart(5)} s  ${line}`),
});

const list = (counts: ReadonlyMap<string, number>): string => [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
console.log(`\nsteps: ${list(outcome.steps)}`);
console.log(`what came: ${list(outcome.counts)}`);
console.log(`RSS of the server, MiB, by its starts: ${lives(outcome.memory)}`);
if (values.log || outcome.violations.length > 0) console.log(`\nthe last the server said:\n${outcome.log.slice(-80).join('\n')}`);
for (const { kind, who, about } of outcome.violations.slice(0, 50)) console.log(`${kind.toUpperCase()} ${who}: ${about}`);
console.log(
  `\n${outcome.violations.length === 0 ? 'sound' : `${outcome.violations.length} VIOLATIONS`}: ${outcome.changes} changes in ${outcome.commits} commits, ` +
    `${outcome.frames} frames, ${outcome.reconnects} reconnects, ${outcome.writes} writes answered, seed ${seed}`,
);
process.exit(outcome.violations.length === 0 ? 0 : 1);

/** At its beginning, in the middle and at its end: the medians of thirds. What grows shows in the third, from start to start or within one. */
function lives(memory: readonly Memory[]): string {
  return [...Map.groupBy(memory, ({ life }) => life).values()]
    .filter((samples) => samples.length >= 3)
    .map((samples) => {
      const third = samples.length / 3;
      const medians = [0, 1, 2].map((nth) => median(samples.slice(Math.floor(nth * third), Math.floor((nth + 1) * third))));
      return `${medians.join(' ')} (${samples.length} s)`;
    })
    .join(' | ');
}

function median(samples: readonly Memory[]): number {
  const rss = samples.map((sample) => Math.round(sample.rss / 2 ** 20)).sort((one, other) => one - other);
  return rss[rss.length >> 1] ?? 0;
}
