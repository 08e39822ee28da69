import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flame, tree, type CallNode, type Frame } from './flame.ts';

const node = (id: number, functionName: string, rest: { url?: string; children?: number[] } = {}): CallNode => ({
  id,
  callFrame: { functionName, url: rest.url ?? '', lineNumber: 0 },
  children: rest.children,
});

const NODES = [
  node(1, '(root)', { children: [2, 3, 6] }),
  node(2, '(idle)'),
  node(3, 'flush', { url: 'file:///where/it/is/rowcast/dist/server/tick.js', children: [4, 5] }),
  node(4, 'write', { url: 'node:net' }),
  node(5, 'writeBuffer'),
  node(6, 'flush', { url: 'file:///where/it/is/rowcast/dist/server/tick.js', children: [7] }),
  node(7, 'parse <T>', { url: 'file:///where/it/is/rowcast/node_modules/ws/lib/receiver.js' }),
];

test('a sample’s time is what passes until the next one, and the idle is left out', () => {
  const busy = tree({ nodes: NODES, samples: [3, 4, 2, 5, 7], timeDeltas: [0, 10, 20, 1_000, 40] });
  expect(busy.total).toBe(70); // 3: 10, 4: 20, 2: 1,000 idle, 5: 40, 7: none after it
});

test('calls of the same function from the same caller are one frame', () => {
  const busy = tree({ nodes: NODES, samples: [3, 7, 5, 3], timeDeltas: [0, 10, 20, 40] });
  expect(busy.children.map(({ name, self, total }) => ({ name, self, total }))).toEqual([{ name: 'flush', self: 10, total: 70 }]);
  expect(busy.children[0]?.children.map(({ name, from, total }) => `${name} ${from} ${total}`)).toEqual([
    'writeBuffer engine 40',
    'parse <T> package 20',
    'write node 0',
  ]);
});

test('no time is lost or made up: every frame is as long as itself and what it calls', () => {
  const check = (frame: Frame): void => {
    expect(frame.total).toBe(frame.self + frame.children.reduce((sum, { total }) => sum + total, 0));
    frame.children.forEach(check);
  };
  fc.assert(
    fc.property(fc.array(fc.record({ id: fc.integer({ min: 2, max: 7 }), us: fc.nat(1_000) })), (samples) => {
      const timeDeltas = [0, ...samples.map(({ us }) => us)];
      const busy = tree({ nodes: NODES, samples: samples.map(({ id }) => id), timeDeltas });
      check(busy);
      expect(busy.total).toBe(samples.reduce((sum, { id, us }) => sum + (id === 2 ? 0 : us), 0));
    }),
  );
});

test('the picture needs nothing beside it, escapes names and tells nothing of this machine’s folders', () => {
  const svg = flame({ nodes: NODES, samples: [3, 7, 5, 3], timeDeltas: [0, 10, 20, 40] }, 'a <server>');
  expect(svg).toContain('a &lt;server&gt;');
  expect(svg).toContain('<title>parse &lt;T&gt; node_modules/ws/lib/receiver.js:1: 28.6 %, 28.6 % of it itself</title>');
  expect(svg).not.toMatch(/where\/it|<script|href|NaN/);
});
