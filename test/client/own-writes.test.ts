import { expect, test } from 'vitest';
import { runCourse } from './own-laws.ts';

const SEEDS = process.env['SEED'] ? [Number(process.env['SEED'])] : [1, 2, 3, 4, 5, 6, 7, 8];

test('all that is ever shown is the table with the page’s own writes on top, whatever is refused, lost and said again; and each is done once', async () => {
  let [writes, sightings] = [0, 0];
  for (const seed of SEEDS) {
    const course = await runCourse({ seed, writes: 130 });
    writes += course.writes;
    sightings += course.sightings;
  }
  expect(writes).toBeGreaterThanOrEqual(SEEDS.length * 130);
  expect(sightings).toBeGreaterThan(writes);
});
