import { expect, test } from 'vitest';
import { readOptions } from './options.ts';
import { FULL, SMOKE } from './scale.ts';

const WORKLOADS = { fanout: 'One row.', memory: 'Idle.', client: 'A page.' };
const read = (line: string) => readOptions(line === '' ? [] : line.split(' '), WORKLOADS);

test('without options everything runs in full, and --only takes some of it in the order of all', () => {
  expect(read('')).toEqual({ run: { names: ['fanout', 'memory', 'client'], scale: FULL, smoke: false, publish: false } });
  expect(read('--only client --only fanout --passes 3 --smoke')).toEqual({
    run: { names: ['fanout', 'client'], scale: { ...SMOKE, passes: 3 }, smoke: true, publish: false },
  });
});

test.each(['--only fan', '--passes 0', '--passes many', '--profile disk', '--faster', 'fanout'])(
  '%s is refused, and why is said',
  (line) => {
    expect(read(line)).toMatchObject({ wrong: true, say: expect.stringMatching(/\S/) as string });
  },
);

test.each(['--publish --smoke', '--publish --passes 6', '--publish --profile heap', '--publish --against ../other'])(
  '%s is refused: only a full run is published',
  (line) => {
    expect(read(line)).toMatchObject({ wrong: true, say: expect.stringContaining('only a full run') as string });
  },
);

test('flame graphs may be published of few passes: their figures are not', () => {
  expect(read('--publish --profile cpu --passes 1')).toMatchObject({ run: { publish: true, profile: 'cpu' } });
});

test('--list says what each workload is about', () => {
  expect(read('--list')).toEqual({ say: 'fanout       One row.\nmemory       Idle.\nclient       A page.', wrong: false });
});
