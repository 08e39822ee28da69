import { expect, test } from 'vitest';
import { soak } from './soak.ts';

// The size of every day; `npm run soak` runs it at any other. It prints the seed, by which the same things are planned again.
const SIZE = { changes: 20_000, reconnects: 100, kills: 5 };

test('20,000 changes, 100 reconnects and 5 kills: nothing is lost, duplicated, reordered, torn or leaked, and every reset has a cause', async () => {
  const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const said: string[] = [];
  const outcome = await soak({ ...SIZE, seed, say: (line) => said.push(line) });
  const context = `seed ${seed}\n${said.join('\n')}\n${outcome.violations.length > 0 ? outcome.log.slice(-60).join('\n') : ''}`;
  expect(outcome.violations.slice(0, 20), context).toEqual([]);
  expect(outcome.changes, context).toBeGreaterThanOrEqual(SIZE.changes);
  expect(outcome.reconnects, context).toBeGreaterThanOrEqual(SIZE.reconnects);
  expect((outcome.steps.get('kill server') ?? 0) + (outcome.steps.get('crash database') ?? 0), context).toBe(SIZE.kills);
  expect(outcome.steps.get('lose slot'), context).toBe(1);
  // It was put to the test: what these are for came to pass.
  for (const what of ['resumed', 'loaded', 'part', 'reset bulk', 'dropped'])
    expect(outcome.counts.get(what) ?? 0, `${what}, ${context}`).toBeGreaterThan(0);
}, 400_000);
