import { beforeAll, describe, expect, test } from 'vitest';
import { judge, readByThree, type Readings } from '../../../test/postgres/journal-readers.ts';
import { startPostgres } from '../../../test/servers/postgres.ts';

describe('under thirty writers', () => {
  let readings: Readings;
  beforeAll(async () => {
    await using server = await startPostgres({ settings: { wal_level: 'minimal', max_wal_senders: 0 } });
    readings = await readByThree(server);
  });

  test('every change is told once, in the order of its row', () => {
    expect(judge(readings.difference, readings.table)).toEqual({ lost: 0, duplicated: 0, inverted: 0, wrong: 0 });
    const positions = readings.commits.map(({ position }) => position);
    expect(positions).toEqual([...new Set(positions)].toSorted());
    expect(readings.commits.some(({ changes }) => changes.length > 1)).toBe(true);
  });

  test('the test of the test: a reader by numbers loses what was committed late', () => {
    expect(judge(readings.naive, readings.table).lost).toBeGreaterThan(0);
  });

  test('the test of the test: a reader by the oldest open transaction tells versions of a row in the wrong order', () => {
    const { lost, inverted } = judge(readings.horizon, readings.table);
    expect(lost).toBe(0);
    expect(inverted).toBeGreaterThan(0);
  });
});
