import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLEAN, judge, shippedJoin, sum, WRONG_JOINS, type Join, type Logged, type Moment, type Verdict } from '../core/joins.ts';
import { startPostgres, type Major, type PostgresServer } from '../servers/postgres.ts';
import { HANDOVER_SETTINGS, record, type Recording, type RecordOptions } from './handover-rig.ts';

/** 400 subscriptions under 12 writers, and more while the log runs ahead of what can be seen: one recording, by which every join is judged. */
export function handoverLaws(major: Major): void {
  const recording = recorded(major, { follow: 'log', subscriptions: 400 });
  freeLaws(recording);

  const judged = (moments: readonly Moment[], join = shippedJoin) => judgedIn(recording(), moments, join);

  test('while commits stand in the log that nobody can see yet, nothing is lost, told twice or out of order', () => {
    const { log, ahead } = recording();
    expect(ahead.some((moment) => log.some((commit) => isAhead(commit, moment)))).toBe(true);
    expect(judged(ahead)).toEqual(CLEAN);
  });

  test.each(Object.entries(WRONG_JOINS))('the test of the test: a join %s is found on the same recording', (_name, join) => {
    const { lost, replayed, unjoined, unequal } = judged([...recording().free, ...recording().ahead], join);
    expect(lost + replayed).toBeGreaterThan(0);
    // What is told twice from some place on makes the same rows in the end: it is seen by the changes alone.
    expect(unjoined + unequal).toBeGreaterThan(0);
  });
}

/** Where every look at the end of the log is a commit of its own. */
const FEWER = 100;

/** The same for a journal that triggers write: it shows what is visible, and in an order of its own. */
export function triggerHandoverLaws(major: Major): void {
  freeLaws(recorded(major, { follow: 'triggers', subscriptions: FEWER }));
}

function recorded(major: Major, options: Omit<RecordOptions, 'random'>): () => Recording {
  let server: PostgresServer;
  let recording: Recording;
  beforeAll(async () => {
    server = await startPostgres({ major, settings: HANDOVER_SETTINGS });
    recording = await record(server, { ...options, random: Math.random });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  return () => recording;
}

function judgedIn({ log }: Recording, moments: readonly Moment[], join: Join): Verdict {
  return sum(moments.map((moment) => judge(log, moment, join)));
}

function freeLaws(recording: () => Recording): void {
  test('under writers that run free, nothing is lost, told twice or out of order', () => {
    const { free } = recording();
    expect(free.some(({ snapshot }) => snapshot.running.size > 0)).toBe(true);
    expect(judgedIn(recording(), free, shippedJoin)).toEqual(CLEAN);
  });

  test('the log from its beginning makes the table as it is', () => {
    const { log, table } = recording();
    const rows = new Map<string, string>();
    for (const { key, before, after } of log.flatMap(({ changes }) => changes)) {
      expect(rows.get(key) ?? null).toBe(before);
      if (after === null) rows.delete(key);
      else rows.set(key, after);
    }
    expect(rows).toEqual(table);
  });
}

/** Its reader had it before the rows were read, and the rows have it not. */
function isAhead(commit: Logged, { began, has }: Moment): boolean {
  return commit.position <= began && !has(commit);
}
