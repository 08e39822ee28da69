import { compare, interleaved, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

const DATABASES = {
  sqlite: {
    contenders: { bound: 'bound', unbound: 'free', 'a bare trigger, unread': 'traced' },
    targets: [{ against: 'a bare trigger, unread', ratio: 0.7 }],
  },
  postgres: { contenders: { bound: 'bound', unbound: 'free' }, targets: [{ against: 'unbound', ratio: 0.9 }] },
};

/** The app's own writes per second, its table bound and followed, against the same table unbound in the same database. */
export async function writes({ passes, writes: count }: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [database, { contenders, targets }] of Object.entries(DATABASES)) {
    const part = new Part(`writes-${database}`);
    try {
      await part.ask('start');
      const runs = Object.fromEntries(
        Object.entries(contenders).map(([name, table]) => [name, () => part.ask<number>('write', { table, count })]),
      );
      for (const run of Object.values(runs)) await run(); // warm
      const values = await interleaved(passes, runs);
      results.push(compare({ workload: `${database}: the app's own updates`, figure: 'per second', better: 'more', targets }, values));
    } finally {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
  }
  return results;
}
