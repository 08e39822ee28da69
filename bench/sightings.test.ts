import { expect, test } from 'vitest';
import { machineMs } from './load/arrivals.ts';
import { Sightings } from './load/sightings.ts';

test('a state that a newer one has overtaken is there with the newer one, and does not count as one that came', () => {
  const sightings = new Sightings(2, { first: 10, writes: 3 });
  const sent = [machineMs(), machineMs(), machineMs()];
  for (const value of [10, 11, 12]) sightings.see(0, value);
  sightings.see(1, 12);
  const { lasts, states, deliveries } = sightings.sight(sent);
  expect(states).toBe(4 / 6);
  expect(deliveries).toBe(4);
  expect(lasts.every((ms) => Number.isFinite(ms) && ms >= 0)).toBe(true);
});

test('a client that never had a state has not got it by any time', () => {
  const sightings = new Sightings(2, { first: 1, writes: 2 });
  sightings.see(0, 1);
  sightings.see(0, 2);
  sightings.see(1, 1);
  expect(sightings.sight([machineMs(), machineMs()]).lasts[1]).toBe(Infinity);
});

test('a state that comes twice is two deliveries and one state; what was written before is none', () => {
  const sightings = new Sightings(1, { first: 5, writes: 1 });
  for (const value of [4, 5, 5]) sightings.see(0, value);
  expect(sightings.sight([machineMs()])).toMatchObject({ states: 1, deliveries: 2 });
});
