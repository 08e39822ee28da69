import { expect, test } from 'vitest';
import { fleetSoak, type Shared } from './fleet.ts';

// Three servers of one app, whatever they share. The size of every day, or that of a release: SOAK_FLEET=long, and SOAK_SHARED for one of the four.
const LONG = { changes: 250_000, reconnects: 500, kills: 20, freezes: 10, cuts: 16, rounds: 10, pace: 600 };
const SHORT = { changes: 4_000, reconnects: 20, kills: 4, freezes: 1, cuts: 4, rounds: 1 };
const isLong = process.env['SOAK_FLEET'] === 'long';
const SIZE = isLong ? LONG : SHORT;
const ALL: readonly Shared[] = ['slots', 'redis', 'nats', 'siblings'];
const chosen = process.env['SOAK_SHARED'];

/** What one server may take, at its most. */
const RSS = 768 * 2 ** 20;

test.each(chosen === undefined ? ALL : [chosen as Shared])(
  `three servers with %s, under kills, freezes and cuts: nothing is lost, duplicated, reordered, torn or leaked, and every reset has a cause`,
  async (shared) => {
    const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const said: string[] = [];
    const say = (line: string): void => {
      said.push(line);
      if (isLong) console.log(line);
    };
    const outcome = await fleetSoak({ ...SIZE, shared, seed, say });
    const logs = outcome.logs.map((log, n) => `server ${n}:\n${log.slice(-30).join('\n')}`).join('\n');
    const context = `seed ${seed}\n${said.join('\n')}\n${outcome.violations.length > 0 ? logs : ''}`;
    expect(outcome.violations.slice(0, 20), context).toEqual([]);
    expect(outcome.changes, context).toBeGreaterThanOrEqual(SIZE.changes);
    expect(outcome.reconnects, context).toBeGreaterThanOrEqual(SIZE.reconnects);
    const times = (...steps: readonly string[]): number =>
      [...outcome.steps].reduce((sum, [step, count]) => sum + (steps.includes(step) ? count : 0), 0);
    expect(times('kill node', 'kill leader', 'kill broker', 'crash database'), context).toBe(SIZE.kills);
    expect(times('freeze leader', 'freeze node'), context).toBe(SIZE.freezes);
    if (shared !== 'slots') expect(times('fail over broker'), context).toBeGreaterThan(0);
    for (const what of ['resumed', 'loaded']) expect(outcome.counts.get(what) ?? 0, `${what}, ${context}`).toBeGreaterThan(0);
    for (const memory of outcome.memory) {
      expect(Math.max(...memory.map(({ rss }) => rss)), context).toBeLessThan(RSS);
    }
  },
  isLong ? 3_600_000 : 240_000,
);
