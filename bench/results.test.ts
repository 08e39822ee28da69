import { expect, test } from 'vitest';
import { compare } from './measure.ts';
import { judged, merge, type Run } from './results.ts';
import { FULL } from './scale.ts';

function run(at: string, names: readonly string[], scale = FULL): Run {
  const results = judged([compare({ workload: at, figure: 'µs', better: 'less', targets: [{ limit: 1 }] }, { rowcast: [1, 2, 3] })]);
  return {
    machine: { cpu: 'c', cores: 2, memory: '1 GiB', system: 's', node: '24' },
    commit: at,
    versions: {},
    scale,
    workloads: Object.fromEntries(names.map((name) => [name, { at, seconds: 1, load: [0, 0], results }])),
    failed: {},
  };
}

test('of each workload the newest is published, whichever order its runs come in', () => {
  const runs = [run('2026-01-02', ['a', 'b']), run('2026-01-03', ['b']), run('2026-01-01', ['a', 'b', 'c'])];
  for (const order of [runs, runs.toReversed()]) {
    const published = merge({}, order, ['c', 'b', 'a']);
    expect(Object.entries(published).map(([name, { commit }]) => `${name} ${commit}`)).toEqual([
      'c 2026-01-01',
      'b 2026-01-03',
      'a 2026-01-02',
    ]);
  }
});

test('a workload that no longer is, or that failed this time, is gone or stays', () => {
  const published = merge({}, [run('2026-01-01', ['a', 'gone'])], ['a', 'gone']);
  expect(Object.keys(merge(published, [run('2026-01-02', [])], ['a']))).toEqual(['a']);
});

test('a run of few passes, or against another checkout, is not published', () => {
  expect(() => merge({}, [run('2026-01-01', ['a'], { ...FULL, passes: 6 })], ['a'])).toThrow('takes 7');
  expect(() => merge({}, [run('2026-01-01', ['a'], { ...FULL, against: '../other' })], ['a'])).toThrow('another checkout');
});

test('what is written down says of every target what came of it', () => {
  expect(run('2026-01-01', ['a']).workloads.a?.results[0]?.judged).toEqual([{ target: '≤ 1', measured: 2, verdict: 'missed' }]);
});
