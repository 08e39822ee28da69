import { expect, test } from 'vitest';
import { positionOf } from '../../core/index.ts';
import { Standing } from './standing.ts';

const at = positionOf;
const beat = (tail: number, stale = 0) => ({ tail: at(tail), stale });

test('who hears that everything is here is not stale, however long nothing happens', () => {
  const standing = new Standing(0);
  for (let now = 1_000; now <= 60_000; now += 1_000) {
    standing.heard(beat(5), at(5), now);
    expect(standing.staleFor(at(5), now + 999)).toBe(0);
  }
});

test('who hears nothing is stale since it last had everything', () => {
  const standing = new Standing(0);
  standing.heard(beat(5), at(5), 1_000);
  expect(standing.staleFor(at(5), 6_000)).toBe(0);
  expect(standing.staleFor(at(5), 6_001)).toBe(5_001);
  standing.heard(beat(5), at(5), 20_000);
  expect(standing.staleFor(at(5), 20_000)).toBe(0);
});

test('who hears of more and does not get it is stale; one that comes a little late all the time is not', () => {
  const cut = new Standing(0);
  for (let now = 0; now <= 10_000; now += 1_000) cut.heard(beat(5 + now), at(4), now);
  expect(cut.staleFor(at(4), 10_000)).toBe(10_000);
  expect(cut.staleFor(at(5), 10_000)).toBe(10_000); // what was said since has not come either
  cut.heard(beat(10_005), at(10_005), 11_000);
  expect(cut.staleFor(at(10_005), 11_000)).toBe(0);
  const busy = new Standing(0);
  for (let now = 0; now <= 60_000; now += 1_000) {
    busy.heard(beat(now + 1), at(now), now);
    expect(busy.staleFor(at(now + 1), now + 500)).toBe(0);
  }
});

test('who reads for all and cannot says so for all', () => {
  const standing = new Standing(0);
  standing.heard(beat(5, 7_000), at(5), 1_000);
  expect(standing.staleFor(at(5), 1_500)).toBe(7_000);
});

test('a ledger that is being filled again after a loss says nothing of what is newer: who was further is stale until it has come there', () => {
  const standing = new Standing(0);
  standing.heard(beat(50), at(50), 1_000);
  for (let now = 2_000; now <= 10_000; now += 1_000) standing.heard(beat(10 + now / 1_000), at(50), now);
  expect(standing.staleFor(at(50), 10_000)).toBe(9_000);
  standing.heard(beat(50), at(50), 11_000);
  expect(standing.staleFor(at(50), 11_000)).toBe(0);
});

test('who is ahead of what was said, since that took its way, is not stale', () => {
  const standing = new Standing(0);
  for (let now = 0; now <= 60_000; now += 1_000) {
    standing.heard(beat(now + 1), at(now + 500), now);
    expect(standing.staleFor(at(now + 500), now + 500)).toBe(0);
  }
});
