// The oracle soak at any size: real servers, random writers, flapping clients, what breaks them, and a judge that shares no code with Rowcast.
//   node scripts/soak.ts --changes 250000 --reconnects 500 --kills 20 --seed 7
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { growth } from '../test/soak/growth.ts';
import type { Step } from '../test/soak/plan.ts';
import type { HeldUp } from '../test/soak/pulse.ts';
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
    /** One kind of fault: `--only 'lose slot'`. */
    only: { type: 'string' },
    log: { type: 'boolean', default: false },
    /** A folder: every text of every client goes into a file there. */
    record: { type: 'string' },
  },
});
const changes = Number(values.changes);
const seed = Number(values.seed);
const started = performance.now();
console.log(`soak: seed ${seed}, Postgres ${values.major}`);

const { record, only } = values;
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
  ...(only !== undefined && { only: only as Step }),
  ...(record !== undefined && { record: (client, line) => appendFileSync(join(record, `${client}.jsonl`), `${JSON.stringify(line)}\n`) }),
  say: (line) => console.log(`${String(Math.round((performance.now() - started) / 1_000)).padStart(5)} s  ${line}`),
});

const list = (counts: ReadonlyMap<string, number>): string => [...counts].map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
console.log(`\nsteps: ${list(outcome.steps)}`);
console.log(`what came: ${list(outcome.counts)}`);
console.log(`held up: the server ${held(outcome.heldUp.server)}; the clients ${held(outcome.heldUp.clients)}`);
if (values.log || outcome.violations.length > 0) console.log(`\nthe last the server said:\n${outcome.log.slice(-80).join('\n')}`);
for (const { kind, who, about } of outcome.violations.slice(0, 50)) console.log(`${kind.toUpperCase()} ${who}: ${about}`);

const { seconds, rss, heap, flat } = growth(outcome.memory);
const most = Math.round(Math.max(...outcome.memory.map((sample) => sample.rss)) / 2 ** 20);
console.log(
  `\nRSS of the server: ${flat === null ? 'not long enough to say' : flat ? 'flat' : 'GROWS'}: ${rss.join(' → ')} MiB, its heap ${heap.join(' → ')} MiB, ` +
    `by thirds of the ${Math.round(seconds)} s of its longest life; at most ${most} MiB in ${new Set(outcome.memory.map(({ life }) => life)).size} lives`,
);
console.log(
  `${outcome.violations.length === 0 ? 'sound' : `${outcome.violations.length} VIOLATIONS`}: ${outcome.changes} changes in ${outcome.commits} commits, ` +
    `${outcome.frames} frames, ${outcome.reconnects} reconnects, ${outcome.writes} writes answered, seed ${seed}`,
);
process.exit(outcome.violations.length === 0 && flat !== false ? 0 : 1);

/** How often, for how long in all, and how much of that it was at work itself. */
function held(all: readonly HeldUp[]): string {
  const sum = (part: (one: HeldUp) => number): string => (all.reduce((total, one) => total + part(one), 0) / 1_000).toFixed(1);
  return all.length === 0
    ? 'never'
    : `${all.length} times, ${sum(({ from, until }) => until - from)} s (${sum(({ busyMs }) => busyMs)} s at work)`;
}
