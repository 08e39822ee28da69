import { expect, test } from 'vitest';
import { compare, type Result } from './measure.ts';
import { judge, lineOf, type Target } from './targets.ts';

const VALUES = { rowcast: [8, 10, 9], reference: [10, 10, 10], 'rowcast, all on': [12, 12, 12] };

function verdicts(better: Result['better'], ...targets: Target[]): readonly string[] {
  return judge(compare({ workload: 'w', figure: 'f', better, targets }, VALUES)).map(({ target, verdict }) => `${target}: ${verdict}`);
}

test('less is better: a median at its bound meets it, one above it misses', () => {
  expect(verdicts('less', { limit: 9 }, { limit: 8.99 })).toEqual(['≤ 9: met', '≤ 8.99: missed']);
  expect(verdicts('less', { against: 'reference', ratio: 0.9 }, { against: 'reference', ratio: 0.85 })).toEqual([
    '≤ 0.9 × reference: met',
    '≤ 0.85 × reference: missed',
  ]);
});

test('more is better: the same bounds the other way', () => {
  expect(verdicts('more', { limit: 9 }, { limit: 9.01 })).toEqual(['≥ 9: met', '≥ 9.01: missed']);
  expect(verdicts('more', { against: 'reference', ratio: 1 })).toEqual(['≥ 1 × reference: missed']);
});

test('a target about another contender names it', () => {
  expect(verdicts('less', { limit: 11, of: 'rowcast, all on' }, { against: 'reference', ratio: 1.2, of: 'rowcast, all on' })).toEqual([
    'rowcast, all on: ≤ 11: missed',
    'rowcast, all on: ≤ 1.2 × reference: met',
  ]);
});

test('what was not in the run is neither met nor missed', () => {
  expect(verdicts('less', { against: 'socket.io', ratio: 0.7 }, { limit: 5, of: 'nobody' })).toEqual([
    '≤ 0.7 × socket.io: unmeasured',
    'nobody: ≤ 5: unmeasured',
  ]);
});

test('a ratio lies as a line where the reference would have to be', () => {
  const { contenders } = compare({ workload: 'w', figure: 'f', better: 'less' }, VALUES);
  expect(lineOf({ against: 'reference', ratio: 0.85 }, contenders)).toBe(8.5);
  expect(lineOf({ limit: 12 }, contenders)).toBe(12);
  expect(lineOf({ against: 'socket.io', ratio: 0.7 }, contenders)).toBeUndefined();
});
