import { compare, interleaved, type Result } from '../measure.ts';
import { Part } from '../process.ts';
import type { Scale } from '../scale.ts';

const DATABASES = {
  sqlite: {
    part: 'writes-sqlite',
    start: {},
    contenders: { rowcast: 'bound', unbound: 'free', 'a bare trigger, unread': 'traced' },
    targets: [{ against: 'a bare trigger, unread', ratio: 0.7 }],
  },
  'postgres, by its log': {
    part: 'writes-postgres',
    start: { follow: 'log' },
    contenders: { rowcast: 'bound', unbound: 'free' },
    targets: [{ against: 'unbound', ratio: 0.9 }],
  },
  'postgres, by triggers': {
    part: 'writes-postgres',
    start: { follow: 'triggers' },
    contenders: { rowcast: 'bound', unbound: 'free' },
    targets: [{ against: 'unbound', ratio: 0.75 }],
  },
};

/** The app's own writes per second, its table bound and followed, against the same table unbound in the same database. */
export async function writes({ passes, writes: count }: Scale): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const [database, { part: name, start, contenders, targets }] of Object.entries(DATABASES)) {
    const part = new Part(name);
    try {
      await part.ask('start', start);
      const runs = Object.fromEntries(
        Object.entries(contenders).map(([name, table]) => [name, () => part.ask<number>('write', { table, count })]),
      );
      for (const run of Object.values(runs)) await run(); // warm
      const values = await interleaved(passes, runs);
      const headline = `${database}: the app’s own updates`;
      results.push(compare({ workload: headline, headline, figure: 'per second', better: 'more', targets }, values));
    } finally {
      await part.ask('close').catch(() => undefined);
      await part.stop();
    }
  }
  return results;
}
