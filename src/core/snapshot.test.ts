import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLEAN, judge, shippedJoin, WRONG_JOINS, type Join, type Logged, type Moment } from '../../test/core/joins.ts';
import { positionOf } from './position.ts';
import { shows, showsAll } from './snapshot.ts';

// A database whose commits enter the log in one order and become visible in another. A transaction holds the rows it wrote until it is
// visible, so what happens to one row happens in one order.

type Step =
  | { readonly act: 'begin'; readonly keys: readonly string[]; readonly remove: boolean }
  | { readonly act: 'log' | 'show' | 'abort'; readonly which: number }
  /** Somebody takes a snapshot; `lag` is how far the reader of the log is behind, `wait` how many steps pass until the log's end is read. */
  | { readonly act: 'read'; readonly lag: number; readonly wait: number };

const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant('begin' as const), keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 2 }), remove: fc.boolean() }) }, // prettier-ignore
  { weight: 4, arbitrary: fc.record({ act: fc.constant('log' as const), which }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('show' as const), which }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('abort' as const), which }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('read' as const), lag: fc.nat(3), wait: fc.nat(4) }) },
);

interface Running {
  readonly xid: bigint;
  readonly changes: Logged['changes'];
  logged: Logged | null;
}

class Model {
  readonly log: Logged[] = [];
  readonly moments: Moment[] = [];
  #next: bigint;
  #running: Running[] = [];
  #rows = new Map<string, string>();
  #completed: bigint;
  #visible = new Set<Logged>();
  #waiting: { steps: number; take(): void }[] = [];

  constructor(firstXid: bigint) {
    this.#next = firstXid;
    this.#completed = firstXid - 1n;
  }

  play(steps: readonly Step[]): this {
    for (const each of steps) {
      this.#do(each);
      for (const wait of this.#waiting) if (wait.steps-- === 0) wait.take();
      this.#waiting = this.#waiting.filter(({ steps: left }) => left >= 0);
    }
    for (const { take } of this.#waiting) take();
    for (const running of [...this.#running]) {
      if (!running.logged) this.#write(running);
      this.#show(running);
    }
    return this;
  }

  #do(next: Step): void {
    switch (next.act) {
      case 'begin':
        return this.#begin(next.keys, next.remove);
      case 'read':
        return this.#read(next.lag, next.wait);
      case 'log': {
        const open = this.#running.filter(({ logged }) => !logged);
        const picked = open[next.which % open.length];
        if (picked) this.#write(picked);
        return;
      }
      case 'show': {
        const written = this.#running.filter(({ logged }) => logged);
        const picked = written[next.which % written.length];
        if (picked) this.#show(picked);
        return;
      }
      case 'abort': {
        const open = this.#running.filter(({ logged }) => !logged);
        const picked = open[next.which % open.length];
        if (picked) this.#end(picked);
        return;
      }
    }
  }

  #begin(keys: readonly string[], remove: boolean): void {
    const held = new Set(this.#running.flatMap(({ changes }) => changes.map(({ key }) => key)));
    const xid = this.#next++;
    const changes = keys
      .filter((key) => !held.has(key))
      .map((key) => ({ key, before: this.#rows.get(key) ?? null, after: remove ? null : `${key} of ${xid}` }))
      .filter(({ before, after }) => before !== after);
    this.#running.push({ xid, changes, logged: null });
  }

  #write(running: Running): void {
    const { xid, changes } = running;
    const last = this.log.at(-1)?.highest ?? xid;
    running.logged = { position: this.#place(1), xid: String(xid), changes, highest: xid > last ? xid : last };
    this.log.push(running.logged);
  }

  #place(more = 0): string {
    return positionOf(1_000 + 10 * (this.log.length + more));
  }

  #show(running: Running): void {
    for (const { key, after } of running.changes) {
      if (after === null) this.#rows.delete(key);
      else this.#rows.set(key, after);
    }
    this.#visible.add(running.logged as Logged);
    this.#end(running);
  }

  #end(running: Running): void {
    this.#running = this.#running.filter((each) => each !== running);
    if (running.xid > this.#completed) this.#completed = running.xid;
  }

  #read(lag: number, wait: number): void {
    const xmax = this.#completed + 1n;
    const running = new Set(this.#running.map(({ xid }) => xid).filter((xid) => xid < xmax));
    const xmin = [...running].reduce((least, xid) => (xid < least ? xid : least), xmax);
    const [rows, visible, before] = [new Map(this.#rows), new Set(this.#visible), this.#place()];
    const began = this.#place(-Math.min(lag, this.log.length));
    const take = (): void => {
      const snapshot = { by: 'xid', until: this.#place(), xmin, xmax, running } as const;
      this.moments.push({ snapshot, before, began, rows, has: (commit) => visible.has(commit) });
    };
    this.#waiting.push({ steps: wait, take });
  }
}

const history = fc
  .record({ first: fc.constantFrom(3n, (1n << 32n) - 4n, (1n << 53n) - 2n), steps: fc.array(step, { minLength: 1, maxLength: 40 }) })
  .map(({ first, steps }) => new Model(first).play(steps));

/** The law: rows, and what the join replays over them, are the table at every commit. */
const held = (join: Join): fc.IProperty<[Model]> =>
  fc.property(history, ({ log, moments }) => {
    for (const moment of moments) expect(judge(log, moment, join)).toEqual(CLEAN);
  });

describe('rows of one moment, joined to a log whose order is not that of visibility', () => {
  test('replaying what the snapshot does not show gives the table at every commit, each commit once', () => {
    fc.assert(held(shippedJoin), { numRuns: 3_000 });
  });

  test('the way back ends where every commit before is shown, and not before that', () => {
    fc.assert(
      fc.property(history, ({ log, moments }) => {
        for (const { snapshot } of moments) {
          const from = log.findLastIndex((place) => showsAll(snapshot, place)) + 1;
          expect(log.slice(0, from).every((commit) => shows(snapshot, commit))).toBe(true);
          const next = log[from];
          // Where it ends, a transaction begins that was running or to come: no earlier end would be safe, no later one needed.
          if (next) expect(next.highest !== null && next.highest >= snapshot.xmin).toBe(true);
        }
      }),
    );
  });

  test.each(Object.entries(WRONG_JOINS))('the test of the test: a join %s breaks that law', (_name, join) => {
    expect(fc.check(held(join), { numRuns: 50_000 }).failed).toBe(true);
  });
});

describe('rows of one moment, joined to a log in the order of visibility', () => {
  const snapshot = { by: 'position', until: positionOf(20) } as const;

  test('a commit is shown up to the position of the rows, that one included', () => {
    const shown = [10, 20, 30].map((at) => shows(snapshot, { position: positionOf(at), xid: null }));
    expect(shown).toEqual([true, true, false]);
  });

  test('the way back ends at the position of the rows', () => {
    expect([20, 21].map((at) => showsAll(snapshot, { position: positionOf(at), highest: null }))).toEqual([true, false]);
  });
});

test('a commit that no transaction made is never taken for shown by transaction ids', () => {
  const snapshot = { by: 'xid', until: positionOf(20), xmin: 5n, xmax: 9n, running: new Set<bigint>() } as const;
  expect(shows(snapshot, { position: positionOf(10), xid: null })).toBe(false);
});
