import { expect, test } from 'vitest';
import { verdictOf } from './sees.ts';

test.each([
  [false, true, 'create'],
  [true, true, 'update'],
  [true, false, 'delete'],
  [false, false, null],
] as const)('saw %s, sees %s: %s', (saw, sees, verdict) => expect(verdictOf(saw, sees)).toBe(verdict));
