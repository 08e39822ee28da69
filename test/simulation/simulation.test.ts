import { afterEach, describe, expect, test, vi } from 'vitest';
import { memoryLedger } from '../../src/memory/index.ts';
import { ledgerSuite } from '../../src/testing/index.ts';
import { SimDatabase } from './database.ts';
import { farLedger } from './ledger.ts';
import { Random } from './random.ts';
import { runSchedule } from './schedule.ts';
import { Timeline } from './timeline.ts';

const SEEDS = Array.from({ length: 40 }, (_, at) => 7_000 + at);

describe('a schedule', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('is the same run whenever it is run, to the last frame', async () => {
    for (const seed of SEEDS) {
      const [once, again] = [await runSchedule(seed, true), await runSchedule(seed, true)];
      expect(again.trace).toEqual(once.trace);
      expect(once.broken).toBeNull();
    }
    const traces = new Set(await Promise.all(SEEDS.map(async (seed) => (await runSchedule(seed, true)).trace.join('\n'))));
    expect(traces.size).toBe(SEEDS.length);
  });

  test('takes time, turns and chance from nowhere but its clocks', async () => {
    const taken: string[] = [];
    const watch = (name: string, original: (...args: never[]) => unknown): ((...args: never[]) => unknown) =>
      function (this: unknown, ...args) {
        const { stack = '' } = new Error();
        if (/\/src\/(?!client\/emitter)/.test(stack.split('\n')[2] ?? '')) taken.push(`${name} ${stack.split('\n')[2]}`);
        return original.apply(this, args);
      };
    const { setTimeout, setInterval, setImmediate, queueMicrotask } = globalThis as unknown as Record<string, () => unknown>;
    for (const [name, original] of Object.entries({ setTimeout, setInterval, setImmediate, queueMicrotask })) {
      vi.stubGlobal(name, watch(name, original as () => unknown));
    }
    vi.stubGlobal(
      'Date',
      Object.assign(function () {}, { now: watch('Date.now', Date.now) }),
    );
    vi.stubGlobal('performance', { now: watch('performance.now', () => 0) });
    const { random } = Math;
    Math.random = watch('Math.random', random) as typeof random;
    try {
      for (const seed of SEEDS) await runSchedule(seed);
    } finally {
      Math.random = random;
    }
    expect(taken).toEqual([]);
  });
});

describe('the simulated database', () => {
  const open = (seed = 1): { database: SimDatabase; timeline: Timeline } => {
    const timeline = new Timeline(new Random(seed), false);
    return { timeline, database: new SimDatabase(timeline) };
  };
  const post = (id: number): { id: number; blog: number; title: string; secret: string } => ({ id, blog: 1, title: `t${id}`, secret: 's' });

  test('has a commit in the log before anybody sees it, and in another order', async () => {
    const { database, timeline } = open();
    const waits = [50, 0];
    database.standby = () => waits.shift() as number;
    const [first, second] = [database.begin(), database.begin()];
    first.put('post', 1, post(1));
    second.put('post', 2, post(2));
    const positions = [first.commit([]), second.commit([])];
    expect(database.log.map(({ position }) => position)).toEqual(positions);
    expect([...database.visible.post.keys()]).toEqual([2]);
    const { running, xmin, xmax } = database.snapshot();
    expect([[...running], xmin, xmax]).toEqual([[first.xid], first.xid, (second.xid as bigint) + 1n]);
    expect(database.seenUpTo < (positions[0] as string)).toBe(true);
    await timeline.run(60);
    expect([...database.visible.post.keys()].sort()).toEqual([1, 2]);
    expect(database.history.at(positions[0] as string).post.size).toBe(1);
  });

  test('lets nobody write what another has locked, until that can be seen', async () => {
    const { database, timeline } = open();
    database.standby = () => 10;
    const [first, second] = [database.begin(), database.begin()];
    first.put('post', 1, post(1));
    expect(second.put('post', 1, post(1))).toBe(false);
    first.commit([]);
    expect(second.patch('post', 1, { title: 'x' })).toBe(false);
    expect(second.truncate('post')).toBe(false);
    await timeline.run(20);
    expect(second.patch('post', 1, { title: 'x' })).toBe(true);
    second.rollback();
    expect(database.visible.post.get(1)).toEqual(post(1));
  });

  test('after a crash has what the log has, and nothing else', () => {
    const { database } = open();
    database.standby = () => 1_000;
    const [logged, lost] = [database.begin(), database.begin()];
    logged.put('post', 1, post(1));
    lost.put('post', 2, post(2));
    logged.commit([]);
    database.crash();
    expect(lost.commit([])).toBeNull();
    expect([...database.visible.post.keys()]).toEqual([1]);
  });
});

// What the schedules use between relay and gateway is a ledger: with turns of the event loop in place of the timeline's.
ledgerSuite(
  {
    name: 'behind a simulated network',
    skip: [],
    async open(start, bounds) {
      let now = 0;
      const near = memoryLedger(start, { bounds, clock: { now: () => now } });
      const ledger = farLedger(near, {
        random: new Random(1),
        takes: () => new Promise((resolve) => setImmediate(resolve)),
        held: () => false,
        loses: () => false,
      });
      return { ledger, another: async () => ledger, pass: async (ms) => void (now += ms), close: async () => {} };
    },
  },
  { describe, test },
);
