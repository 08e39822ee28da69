import { expect, test } from 'vitest';
import { rollingDeploys } from './deploy.ts';

// The size of every day, or that of a release: SOAK_DEPLOY=long, and SOAK_SHARED for one of the two. The last deploy takes back the one before it.
const isLong = process.env['SOAK_DEPLOY'] === 'long';
const NODES = 3;
const SIZE = isLong
  ? { versions: [0, 1, 2, 1, 2, 0], clients: 1_000, pace: 10, drainMs: 10_000 }
  : { versions: [0, 1, 0], clients: 150, pace: 20, drainMs: 1_500 };
const chosen = process.env['SOAK_SHARED'];

test.each((['slots', 'redis'] as const).filter((shared) => (chosen ?? shared) === shared))(
  'three nodes with %s are replaced one by one, forth and back, by ones with another binding: whoever views another stream loses nothing, reads nothing again, and comes back once for each node that goes, or once where one reads for all',
  async (shared) => {
    const said: string[] = [];
    const say = (line: string): void => {
      said.push(line);
      console.log(line);
    };
    const { loading, deploys, violations, resets, logs } = await rollingDeploys({ ...SIZE, shared, nodes: NODES, say });
    const context = `${said.join('\n')}\n${violations.length > 0 ? logs.slice(-40).join('\n') : ''}`;
    expect(violations.slice(0, 20), context).toEqual([]);
    expect(resets.slice(0, 20), context).toEqual([]);
    expect(loading, context).toBeGreaterThan(0);
    expect(deploys, context).toHaveLength(SIZE.versions.length - 1);
    // Where one reads for all, the others are not ready once a newer one does: who moves does so once, to one that stays.
    const moves = shared === 'slots' ? NODES : 1;
    for (const { unchanged, changed, readings, written } of deploys) {
      expect(written, context).toBeGreaterThan(NODES);
      expect(Math.max(...unchanged), context).toBeLessThanOrEqual(moves);
      // A node that has not heard yet who leads says that it is ready: who comes to it in that moment is sent on.
      expect(changed.filter((times) => times > moves).length, context).toBeLessThanOrEqual(changed.length / 10);
      expect(Math.max(...changed), context).toBeLessThanOrEqual(NODES);
      expect(
        unchanged.reduce((sum, each) => sum + each, 0),
        context,
      ).toBeGreaterThan(0);
      expect(readings.steady, context).toBe(0);
      expect(readings.shifting, context).toBeGreaterThan(0);
    }
  },
  isLong ? 1_200_000 : 240_000,
);
