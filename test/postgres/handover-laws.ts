import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLEAN, judge, shippedJoin, sum, WRONG_JOINS, type Logged, type Moment } from '../core/joins.ts';
import { startPostgres, type Major, type PostgresServer } from '../servers/postgres.ts';
import { HANDOVER_SETTINGS, record, type Recording } from './handover-rig.ts';

/** 400 subscriptions under 12 writers, and more while the log runs ahead of what can be seen: one recording, by which every join is judged. */
export function handoverLaws(major: Major): void {
  let server: PostgresServer;
  let recording: Recording;

  beforeAll(async () => {
    server = await startPostgres({ major, settings: HANDOVER_SETTINGS });
    recording = await record(server, { subscriptions: 400, random: Math.random });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const judged = (moments: readonly Moment[], join = shippedJoin) => sum(moments.map((moment) => judge(recording.log, moment, join)));

  test('under writers that run free, nothing is lost, told twice or out of order', () => {
    expect(recording.free.length).toBeGreaterThanOrEqual(400);
    expect(recording.free.some(({ snapshot }) => snapshot.running.size > 0)).toBe(true);
    expect(judged(recording.free)).toEqual(CLEAN);
  });

  test('while commits stand in the log that nobody can see yet, nothing is lost, told twice or out of order', () => {
    expect(recording.ahead.some((moment) => recording.log.some((commit) => isAhead(commit, moment)))).toBe(true);
    expect(judged(recording.ahead)).toEqual(CLEAN);
  });

  test('the log from its beginning makes the table as it is', () => {
    const rows = new Map<string, string>();
    for (const { key, before, after } of recording.log.flatMap(({ changes }) => changes)) {
      expect(rows.get(key) ?? null).toBe(before);
      if (after === null) rows.delete(key);
      else rows.set(key, after);
    }
    expect(rows).toEqual(recording.table);
  });

  test.each(Object.entries(WRONG_JOINS))('the test of the test: a join %s is found on the same recording', (_name, join) => {
    const { lost, replayed, unjoined, unequal } = judged([...recording.free, ...recording.ahead], join);
    expect(lost + replayed).toBeGreaterThan(0);
    // What is told twice from some place on makes the same rows in the end: it is seen by the changes alone.
    expect(unjoined + unequal).toBeGreaterThan(0);
  });
}

/** Its reader had it before the rows were read, and the rows have it not. */
function isAhead(commit: Logged, { began, has }: Moment): boolean {
  return commit.position <= began && !has(commit);
}
