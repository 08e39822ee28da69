import { expect, test } from 'vitest';
import { chart, worthDrawing } from './chart.ts';
import { compare } from './measure.ts';

const about = { workload: 'fan-out <1 row>', figure: 'µs CPU', better: 'less', targets: [{ against: 'ws & co', ratio: 0.5 }] } as const;
const result = compare(about, { rowcast: [5, 4, 6], 'ws & co': [20, 18, 22] });

/** Of the elements of a class, one attribute. */
const attribute = (svg: string, of: string, name: string): number[] =>
  [...svg.matchAll(new RegExp(`<\\w+ class="${of}"[^>]*? ${name}="([^"]+)"`, 'g'))].map(([, value]) => Number(value));

test('bars are as long as their medians, and only Rowcast’s has the accent', () => {
  const svg = chart(result);
  const [ours] = attribute(svg, 'ours', 'width');
  const [theirs] = attribute(svg, 'bar', 'width');
  expect(theirs).toBeCloseTo(4 * Number(ours), 0);
  expect([svg.match(/class="ours"/g)?.length, svg.match(/class="bar"/g)?.length]).toEqual([1, 1]);
});

test('a ratio is a line on Rowcast’s bar at that part of the reference’s, and says what came of it', () => {
  const svg = chart(result);
  const x = Number(/class="target met" d="M([\d.]+) /.exec(svg)?.[1]);
  const [from] = attribute(svg, 'bar', 'x');
  const [width] = attribute(svg, 'bar', 'width');
  expect(x).toBeCloseTo(Number(from) + 0.5 * Number(width), 0);
  expect(svg).toContain('target ≤ 0.5 × ws &amp; co: met (0.250)');
});

test('what a workload is called cannot break the file', () => {
  const svg = chart(result);
  expect(svg).toContain('fan-out &lt;1 row&gt;');
  expect(svg).not.toMatch(/<1 row>|ws & co/);
});

test('everything lies inside of the picture, figures below nothing as well', () => {
  const svg = chart(compare({ ...about, targets: [{ limit: 1e9 }] }, { rowcast: [-14, -20, -3], other: [0.001, 0.0002, 3] }));
  const width = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  for (const each of [...attribute(svg, 'ours', 'width'), ...attribute(svg, 'bar', 'width')]) {
    expect(each).toBeGreaterThanOrEqual(0);
    expect(each).toBeLessThan(width);
  }
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg).not.toContain('class="target '); // it would lie outside
});

test('a lone number is no picture', () => {
  const alone = { rowcast: [1] };
  expect(worthDrawing(compare({ ...about, targets: [] }, alone))).toBe(false);
  expect(worthDrawing(compare({ ...about, targets: [{ limit: 0 }] }, alone))).toBe(false);
  expect(worthDrawing(compare({ ...about, targets: [{ limit: 12 }] }, alone))).toBe(true);
  expect(worthDrawing(result)).toBe(true);
});
