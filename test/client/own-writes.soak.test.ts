import { expect, test } from 'vitest';
import { runCourse } from './own-laws.ts';

const FIRST = Number(process.env['SEED'] ?? 100);
const SEEDS = Array.from({ length: 25 }, (_, at) => FIRST + at);
let writes = 0;

test.each(SEEDS)('own writes, the table below them, and each done once: seed %i', async (seed) => {
  const course = await runCourse({ seed, writes: 400 });
  writes += course.writes;
  expect(course.sightings).toBeGreaterThan(course.writes);
});

test('ten thousand of them', () => expect(writes).toBeGreaterThanOrEqual(10_000));
