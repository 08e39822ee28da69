import { expect, test } from 'vitest';
import { FLOORS } from './floors.ts';
import { compare } from './measure.ts';
import { pages } from './pages.ts';
import { judged } from './results.ts';
import { FULL } from './scale.ts';
import { WORKLOADS } from './workloads.ts';

test('a floor is of a workload that there is', () => {
  expect(Object.keys(FLOORS).filter((name) => !(name in WORKLOADS))).toEqual([]);
});

const about = { machine: { cpu: 'c', cores: 2, memory: '1 GiB', system: 's', node: '24' }, commit: '0', versions: {}, scale: FULL };

/** The page, of one figure of 1,000 sockets: what Rowcast, a bare loop and naive `ws` take. */
async function page(rowcast: number, what = '1 per tick'): Promise<string> {
  const targets = [{ against: 'ws.send(string)', ratio: 0.85 }];
  const values = { rowcast: [rowcast], 'net.Socket.write': [6], 'ws.send(string)': [8] };
  const workload = `fan-out: 1 row to 1000 sockets, ${what}`;
  const results = judged([compare({ workload, figure: 'µs CPU per delivery', better: 'less', targets }, values)]);
  return (await pages({ fanout: { at: '2026-01-01', seconds: 1, load: [0, 0], results, ...about } })).get('docs/bench.md') ?? '';
}

test('the page says below a missed target what stops it, in figures of the same run, and nothing below one that is met', async () => {
  expect(await page(7)).toContain('costs 0.750 of `ws.send(string)` in this run');
  expect(await page(6)).not.toContain('What stops');
});

test('a missed target that nothing is known to stop is said to be in reach', async () => {
  expect(await page(7, 'backwards')).toContain('it is in reach, and not reached');
});
