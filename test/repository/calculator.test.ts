import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costsOf, sizing, type Costs, type Load } from '../../docs/calculator.ts';

const COSTS: Costs = { write: 10, row: 1, relayed: 6, followed: 2, connection: 10_000, group: 500, atRest: 80 * 2 ** 20 };
const LOAD: Load = { clients: 10_000, groups: 1_000, commits: 100, rows: 10, seen: 100, bytes: 300, window: 60, busy: 0.5 };

test('a sum done by hand: 10,000 writes a second of ten rows each are a fifth of a core, and one gateway does', () => {
  const made = sizing(LOAD, COSTS);
  expect(made.writes).toBe(10_000);
  expect(made.deliveries).toBe(100_000);
  // 10,000 × 10 µs + 90,000 × 1 µs, and 1,000 rows followed at 2 µs.
  expect(made.busy).toBeCloseTo(0.19 + 0.002, 9);
  expect(made.gateways).toBe(1);
  expect(made.relay).toBeCloseTo(0.006, 9);
  expect(made.toClients).toBe(36_000_000);
  expect(made.warnings).toEqual([]);
});

test('twenty times the viewers take more gateways; the broker sends each of them the whole log', () => {
  const made = sizing({ ...LOAD, seen: 2_000 }, COSTS);
  expect(made.gateways).toBe(Math.ceil(3.8 / 0.498));
  expect(made.by).toBe('processor');
  expect(made.fromBroker).toBe(1_000 * 450 * made.gateways);
});

test('a million idle connections are divided for their number; a log that one process cannot follow is said to be one', () => {
  expect(sizing({ ...LOAD, clients: 1_000_000, seen: 0 }, COSTS)).toMatchObject({
    gateways: 20,
    by: 'connections',
    connectionsEach: 50_000,
  });
  const much = sizing({ ...LOAD, commits: 100_000 }, COSTS);
  expect(much.by).toBe('log');
  expect(much.warnings.join()).toMatch(/split it/);
});

test('no gateway is busier than it was allowed to be, and one fewer would be', () => {
  const load = fc.record({
    clients: fc.integer({ min: 0, max: 2_000_000 }),
    groups: fc.integer({ min: 0, max: 100_000 }),
    commits: fc.integer({ min: 0, max: 5_000 }),
    rows: fc.integer({ min: 0, max: 50 }),
    seen: fc.integer({ min: 0, max: 10_000 }),
    bytes: fc.integer({ min: 0, max: 10_000 }),
    window: fc.integer({ min: 0, max: 3_600 }),
    busy: fc.double({ min: 0.1, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(load, (one) => {
      const made = sizing(one, COSTS);
      if (made.by === 'log') return;
      expect(made.busy).toBeLessThanOrEqual(one.busy + 1e-9);
      expect(made.connectionsEach).toBeLessThanOrEqual(50_000);
      if (made.gateways > 1 && made.by === 'processor') {
        const alone = (one.commits * one.rows * COSTS.followed) / 1e6;
        expect(((made.busy - alone) * made.gateways) / (made.gateways - 1) + alone).toBeGreaterThan(one.busy - 1e-9);
      }
    }),
  );
});

test('its costs are those that were published, and what is no number is told', async () => {
  const costs = costsOf(JSON.parse(readFileSync('docs/bench/results.json', 'utf8')) as Parameters<typeof costsOf>[0]);
  for (const cost of Object.values(costs)) expect(cost).toBeGreaterThan(0);
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['docs/calculator.ts', '--clients', '500', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ gateways: 1, connectionsEach: 500 });
  await expect(run(process.execPath, ['docs/calculator.ts', '--commits', 'x'])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--commits is a number') as string,
  });
});
