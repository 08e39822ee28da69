import { expect, test } from 'vitest';
import { positionOf, type Entry, type ResetReason, type Snapshot } from '../../core/index.ts';
import { systemClock } from '../time/clock.ts';
import { Window } from './window.ts';

const BOUNDS = { entries: 100, bytes: 1_000_000, age: 3_600_000 };

function reset(number: number, xid: number, reason: ResetReason): Entry {
  const [position, prev] = [positionOf(number), positionOf(number - 1)];
  return { position, prev, xid: String(xid), receipts: [], deliveries: [], members: [], resets: [{ stream: 'posts', reason }] };
}

/** Rows that were read while these transactions were under way. */
function without(running: readonly bigint[], xmax: bigint): Snapshot {
  const xmin = running.reduce((least, xid) => (xid < least ? xid : least), xmax);
  return { by: 'xid', until: positionOf(99), xmin, xmax, running: new Set(running) };
}

function windowOf(...entries: readonly Entry[]): Window {
  const window = new Window(BOUNDS, systemClock);
  window.begin(positionOf(0), 'retention');
  for (const entry of entries) window.push(entry);
  return window;
}

test('rows without an earlier reset are not gone on from, though they have a later one', () => {
  // The log is in another order than what can be seen: 8 waits for a standby, 9 does not.
  const window = windowOf(reset(1, 8, 'bulk'), reset(2, 9, 'serializer'));
  expect(window.resetSince(positionOf(0), 'posts', without([8n], 10n))).toBe('bulk');
  expect(window.resetSince(positionOf(0), 'posts', without([9n], 10n))).toBe('serializer');
  expect(window.resetSince(positionOf(0), 'posts', without([], 10n))).toBe(null);
  expect(window.resetSince(positionOf(1), 'posts')).toBe('serializer');
  expect(window.resetSince(positionOf(2), 'posts')).toBe(null);
  expect(window.resetSince(positionOf(0), 'others')).toBe(null);
});

test('who belongs to what is not known by rows without what the log could not tell, whatever the stream was reset for since', () => {
  const window = windowOf(reset(1, 8, 'membership'), reset(2, 9, 'bulk'));
  expect(window.membersLost(positionOf(0), without([8n], 10n))).toBe(true);
  expect(window.membersLost(positionOf(0), without([9n], 10n))).toBe(false);
  expect(window.membersLost(positionOf(1), without([8n], 10n))).toBe(false);
});

test('a reset goes with its entry', () => {
  const window = new Window({ ...BOUNDS, entries: 1 }, systemClock);
  window.begin(positionOf(0), 'retention');
  window.push(reset(1, 8, 'bulk'));
  window.push(reset(2, 9, 'bulk'));
  expect(window.resetSince(positionOf(0), 'posts', without([8n], 10n))).toBe(null);
  expect(window.startOf(without([8n], 10n))).toBe(null);
});
