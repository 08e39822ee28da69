import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ORIGIN, positionOf, sizeOf, type Entry } from '../core/index.ts';
import { memoryLedger } from './index.ts';

function entry(number: number, fields = '{}'): Entry {
  const delivery = { stream: 's', key: '1', before: null, after: ['g'], fields };
  return {
    position: positionOf(number),
    prev: positionOf(number - 1),
    xid: null,
    receipts: [],
    deliveries: [delivery],
    resets: [],
    members: [],
  };
}

test('left to itself it keeps 100,000 entries, 64 MiB and one hour', async () => {
  let now = 0;
  const many = memoryLedger(ORIGIN, { clock: { now: () => now } });
  const term = await many.lead();
  for (let number = 1; number <= 100_001; number++) await many.append([entry(number)], term);
  expect(await many.floor()).toBe(positionOf(1));
  now += 60 * 60 * 1_000;
  expect(await many.floor()).toBe(positionOf(1));
  now += 1;
  expect([await many.floor(), await many.tail()]).toEqual([positionOf(100_001), positionOf(100_001)]);

  const large = memoryLedger(ORIGIN);
  const wide = '"'.padEnd(1024 * 1024 - sizeOf(entry(1, '')), 'x');
  expect(sizeOf(entry(1, wide))).toBe(1024 * 1024);
  const other = await large.lead();
  for (let number = 1; number <= 65; number++) await large.append([entry(number, wide)], other);
  expect(await large.floor()).toBe(positionOf(1));
});

test('bounds that are given stand in place of their own default only', async () => {
  const ledger = memoryLedger(ORIGIN, { bounds: { entries: 2 }, clock: { now: () => 0 } });
  const term = await ledger.lead();
  await ledger.append([entry(1), entry(2), entry(3)], term);
  expect(await ledger.floor()).toBe(positionOf(1));
});

test('whoever is far behind gets what is kept in batches of a bounded size', async () => {
  const ledger = memoryLedger(ORIGIN);
  await ledger.append(
    Array.from({ length: 3_500 }, (_, at) => entry(at + 1)),
    await ledger.lead(),
  );
  const sizes: number[] = [];
  for await (const batch of ledger.follow(ORIGIN, new AbortController().signal)) {
    sizes.push(batch.length);
    if (sizes.length === 4) break;
  }
  expect(sizes).toEqual([1_000, 1_000, 1_000, 500]);
});

test('a follower leaves nothing on its signal: not when it is left, not when it ends, and not when it was never read', async () => {
  const ledger = memoryLedger(ORIGIN);
  const term = await ledger.lead();
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  await ledger.append([entry(1)], term);
  ledger.follow(ORIGIN, signal);
  expect(listeners()).toBe(0);
  for await (const _ of ledger.follow(ORIGIN, signal)) break;
  expect(listeners()).toBe(0);
  const gone = memoryLedger(positionOf(9)).follow(ORIGIN, signal)[Symbol.asyncIterator]();
  await expect(gone.next()).rejects.toMatchObject({ code: 'ledger_gap' });
  expect(listeners()).toBe(0);
  const asleep = ledger.follow(positionOf(1), signal)[Symbol.asyncIterator]();
  const next = asleep.next();
  expect(listeners()).toBe(1);
  await ledger.append([entry(2)], term);
  await next;
  await asleep.return?.();
  expect(listeners()).toBe(0);
});

test('what it refuses says what it has, and what to do', async () => {
  const ledger = memoryLedger(positionOf(5));
  await expect(ledger.append([entry(6)], 0)).rejects.toThrow(/nobody leads: call lead\(\)/);
  const old = await ledger.lead();
  const term = await ledger.lead();
  await expect(ledger.append([entry(6)], old)).rejects.toThrow(/term 1 does not lead this ledger, 2 does/);
  await expect(ledger.append([entry(7)], term)).rejects.toThrow(/names 0{15}6 as the one before, and that is 0{15}5/);
  const gap = ledger.follow(ORIGIN, new AbortController().signal)[Symbol.asyncIterator]();
  await expect(gap.next()).rejects.toThrow(/has what came after 0{15}5, up to 0{15}5.*read the rows again/);
});
