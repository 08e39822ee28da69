import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fullJitter, MACHINE, type Happening } from './machine.ts';
import type { Status } from './types.ts';

const statuses = Object.keys(MACHINE) as Status[];
const happenings = [...new Set(Object.values(MACHINE).flatMap((row) => Object.keys(row)))] as Happening[];

describe('the connection', () => {
  test('is open after a welcome only', () => {
    for (const status of statuses) {
      for (const happening of happenings) {
        if (MACHINE[status][happening] === 'open') expect([status, happening]).toEqual(['connecting', 'welcome']);
      }
    }
  });

  test('stays closed, whatever happens', () => {
    expect(MACHINE.closed).toEqual({});
  });

  test('can be closed and, until then, reconnected from everywhere', () => {
    for (const status of statuses.filter((each) => each !== 'closed')) {
      expect(MACHINE[status].close).toBe('closed');
      expect(MACHINE[status].reconnect).toBe('connecting');
    }
  });

  test('is signed out from everywhere but the end, and left there until the app reconnects', () => {
    for (const status of statuses)
      expect([status, MACHINE[status].signOut]).toEqual([status, status === 'closed' ? undefined : 'signed-out']);
    const leaving = happenings.filter((each) => ![undefined, 'signed-out'].includes(MACHINE['signed-out'][each]));
    expect(leaving).toEqual(['reconnect', 'close']);
  });

  test('comes back by itself unless it was told not to', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...happenings), { maxLength: 30 }), (run) => {
        let status: Status = 'connecting';
        let why: Happening | null = null;
        for (const happening of run) {
          const next: Status | undefined = MACHINE[status][happening];
          if (!next) continue;
          status = next;
          why = happening;
        }
        if (status === 'failed') expect(why).toBe('fatal');
        if (status === 'signed-out') expect(['credentials', 'signOut']).toContain(why);
        if (status === 'closed') expect(run).toContain('close');
        if (status === 'waiting') expect(MACHINE[status].timer).toBe('connecting');
      }),
    );
  });
});

describe('the wait before a reconnect', () => {
  test('is drawn from all of half a second to a bound that doubles from 1 s to 30 s', () => {
    const bounds = [0, 1, 2, 3, 4, 5, 6, 100, 5_000];
    expect(bounds.map((attempt) => fullJitter(attempt, () => 0))).toEqual(bounds.map(() => 500));
    expect(bounds.map((attempt) => Math.round(fullJitter(attempt, () => 1)))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000,
    ]);
    expect(fullJitter(0, () => 0.5)).toBe(750);
  });

  test('is random', () => {
    expect(new Set(Array.from({ length: 50 }, () => fullJitter(9))).size).toBeGreaterThan(40);
  });
});
