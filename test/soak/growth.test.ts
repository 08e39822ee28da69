import { expect, test } from 'vitest';
import type { Memory } from './app-process.ts';
import { growth } from './growth.ts';

const MIB = 2 ** 20;
/** A life of so many seconds, with so many MiB in each. */
const life = (number: number, seconds: number, rss: (second: number) => number): Memory[] =>
  Array.from({ length: seconds }, (_, second) => ({
    at: number * 1_000_000 + second * 1_000,
    rss: rss(second) * MIB,
    heapUsed: 50 * MIB,
    life: number,
  }));

test('a server that finds its size and keeps it is flat, though it began smaller', () => {
  const found = growth(life(1, 300, (second) => 250 + Math.min(second, 60) + (second % 9)));
  expect(found.flat).toBe(true);
  expect(found.rss[0]).toBeLessThan(found.rss[2]);
});

test('one that takes more and more is not', () => {
  expect(growth(life(1, 300, (second) => 250 + second / 2)).flat).toBe(false);
});

test('the longest of its lives tells, and where that was short nothing is told', () => {
  const grows = life(2, 300, (second) => 250 + second);
  expect(growth([...life(1, 100, () => 250), ...grows, ...life(3, 200, () => 250)]).flat).toBe(false);
  expect(growth(life(1, 80, (second) => 250 + second * 10)).flat).toBeNull();
  expect(growth([]).flat).toBeNull();
});
