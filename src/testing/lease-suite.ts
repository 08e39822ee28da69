import assert from 'node:assert/strict';
import type { Leading, Lease } from '../core/index.ts';
import { runLaws, type Laws, type Runner, type Skip } from './runner.ts';

/** A body of the lease port, put under test. */
export interface LeaseFixture {
  readonly name: string;
  readonly skip: readonly Skip[];
  /** Of the law that plays at random: what a failure printed, to see it again. Default: another each time. */
  readonly seed?: number;
  open(): Promise<LeaseWorld>;
}

/** One lease that nobody has had yet. */
export interface LeaseWorld {
  readonly lease: Lease;
  /** The same lease as another process has it; the same object where there is but one process. */
  another(): Promise<Lease>;
  /** Makes this much time pass, ms. It may take as long. Less than nothing: the clock is set back. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The laws of the lease port, over one body of it.
 *
 * @example
 * ```ts
 * import { describe, test } from 'vitest'
 * leaseSuite({ name: 'mine', skip: [], open: () => openMine() }, { describe, test })
 * ```
 */
export function leaseSuite(fixture: LeaseFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: lease`, () => {
    runLaws(LAWS, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const world = await fixture.open();
        try {
          await law({ ...world, seed: fixture.seed ?? Math.floor(Math.random() * 2 ** 31) });
        } finally {
          await world.close();
        }
      });
    });
  });
}

interface Trial extends LeaseWorld {
  readonly seed: number;
}

/** Longer than any of these laws takes by itself, ms. */
const LONG = 3_600_000;

const LAWS: Laws<Trial> = {
  async 'one holder has it, and keeps its term for as long as it keeps the lease'({ lease, another, pass }) {
    const other = await another();
    const first = await held(lease.take('a', LONG));
    assert.ok(first.term >= 1);
    assert.equal(first.wanted, false);
    for (let time = 0; time < 3; time++) {
      assert.equal(await other.take('b', LONG), null);
      await pass(LONG / 2);
      assert.deepEqual(await lease.take('a', LONG), first);
    }
  },

  async 'a lease that has lapsed is for anybody, under a greater term, and not for who had it'({ lease, another, pass }) {
    const other = await another();
    const first = await held(lease.take('a', LONG));
    await pass(LONG + 1);
    const second = await held(other.take('b', LONG));
    assert.ok(second.term > first.term);
    assert.equal(await lease.take('a', LONG), null);
  },

  async 'who takes its own lapsed lease begins a new term: nobody knows what was between'({ lease, pass }) {
    const { term } = await held(lease.take('a', LONG));
    await pass(LONG + 1);
    assert.ok((await held(lease.take('a', LONG))).term > term);
  },

  async 'every take counts from itself, whether that is longer or shorter'({ lease, another, pass }) {
    const other = await another();
    await held(lease.take('a', LONG));
    await held(lease.take('a', LONG * 3));
    await pass(LONG * 2);
    assert.equal(await other.take('b', LONG), null);
    await held(lease.take('a', LONG / 4));
    await pass(LONG / 2);
    await held(other.take('b', LONG));
  },

  async 'a lease that was given back is there at once, under a greater term'({ lease, another }) {
    const other = await another();
    const { term } = await held(lease.take('a', LONG));
    await lease.give('a');
    const next = await held(other.take('b', LONG));
    assert.ok(next.term > term);
    await other.give('b');
    assert.ok((await held(lease.take('a', LONG))).term > next.term);
  },

  async 'giving what another has, or nobody, does nothing'({ lease, another, pass }) {
    const other = await another();
    await other.give('b');
    const { term } = await held(lease.take('a', LONG));
    await other.give('b');
    assert.equal(await other.take('b', LONG), null);
    await pass(LONG + 1);
    // It was frozen, and another has it since.
    assert.ok((await held(other.take('b', LONG))).term > term);
    await lease.give('a');
    assert.equal(await lease.take('a', LONG), null);
  },

  async 'who asks for it is heard by its holder, once it takes it again, and by nobody else'({ lease, another }) {
    const other = await another();
    const { term } = await held(lease.take('a', LONG));
    await lease.want('a', LONG);
    assert.deepEqual(await lease.take('a', LONG), { term, wanted: false });
    await other.want('b', LONG);
    assert.deepEqual(await lease.take('a', LONG), { term, wanted: true });
    assert.deepEqual(await lease.take('a', LONG), { term, wanted: true });
    await lease.give('a');
    assert.equal((await held(other.take('b', LONG))).wanted, false);
    assert.equal((await held(other.take('b', LONG))).wanted, false);
  },

  async 'a lease that is asked for is for who asked, given or lapsed'({ lease, another, pass }) {
    const other = await another();
    for (const [holder, asking] of ['ab', 'bc', 'ca'] as unknown as readonly [string, string][]) {
      const { term } = await held(lease.take(holder, LONG));
      await other.want(asking, LONG * 4);
      if (holder === 'b') await pass(LONG + 1);
      else await lease.give(holder);
      for (const each of ['a', 'b', 'c', 'd']) if (each !== asking) assert.equal(await lease.take(each, LONG), null);
      assert.ok((await held(other.take(asking, LONG))).term > term);
      await other.give(asking);
    }
  },

  async 'the last one to ask is the one that gets it'({ lease, another }) {
    const other = await another();
    await held(lease.take('a', LONG));
    await other.want('b', LONG);
    await other.want('c', LONG);
    await lease.give('a');
    assert.equal(await other.take('b', LONG), null);
    await held(other.take('c', LONG));
  },

  async 'who asked and does not come is waited for no longer than it asked for'({ lease, another, pass }) {
    const other = await another();
    await held(lease.take('a', LONG));
    await other.want('b', LONG / 2);
    await lease.give('a');
    assert.equal(await lease.take('a', LONG), null);
    await pass(LONG / 2 + 1);
    assert.equal((await held(lease.take('a', LONG))).wanted, false);
  },

  async 'who asked and got it is not waited for again'({ lease, another }) {
    const other = await another();
    await other.want('b', LONG);
    await held(other.take('b', LONG));
    await other.give('b');
    await held(lease.take('a', LONG));
  },

  async 'what nobody has had may be asked for'({ lease, another }) {
    await (await another()).want('b', LONG);
    assert.equal(await lease.take('a', LONG), null);
    assert.ok((await held(lease.take('b', LONG))).term >= 1);
  },

  async 'a clock that was set back far keeps nobody waiting for who is not there any more'({ lease, another, pass }) {
    const other = await another();
    const first = await held(lease.take('a', LONG));
    await pass(-10 * LONG);
    const second = await held(other.take('b', LONG));
    assert.ok(second.term > first.term);
    assert.equal(await lease.take('a', LONG), null);
    await lease.want('c', LONG);
    await other.give('b');
    await pass(-10 * LONG);
    assert.deepEqual(await held(lease.take('a', LONG)), { term: second.term + 1, wanted: false });
  },

  async 'a clock that was set back a little takes it from nobody'({ lease, another, pass }) {
    const other = await another();
    const first = await held(lease.take('a', LONG));
    await pass(-LONG / 2);
    assert.equal(await other.take('b', LONG), null);
    assert.deepEqual(await lease.take('a', LONG), first);
  },

  async 'of ten that race for it one gets it, and so each time'({ lease, another, pass }) {
    const leases = [lease];
    while (leases.length < 10) leases.push(await another());
    let last = 0;
    for (let round = 0; round < 20; round++) {
      const got = await Promise.all(leases.map((each, at) => each.take(`n${at}`, LONG)));
      const winners = got.flatMap((each, at) => (each ? [{ at, ...each }] : []));
      assert.equal(winners.length, 1, `round ${round}`);
      const [{ at, term }] = winners as [(typeof winners)[number]];
      assert.ok(term > last);
      last = term;
      // Half of the time it is given, and half it lapses.
      if (round % 2 === 0) await leases[at]?.give(`n${at}`);
      else await pass(LONG + 1);
    }
  },

  async 'whatever is taken, asked for, given and waited for, in whatever order, it is as a plain lease would be'(trial) {
    const { lease, another, pass, seed } = trial;
    const leases = [lease, await another()];
    const random = randomFrom(seed);
    const plain = new PlainLease();
    const done: string[] = [];
    for (let step = 0; step < 400; step++) {
      const who = 'abc'[random(3)] as string;
      const ms = (1 + random(4)) * LONG;
      const each = leases[random(2)] as Lease;
      const what = random(10);
      if (what < 4) {
        done.push(`take ${who} ${ms}`);
        assert.deepEqual(await each.take(who, ms), plain.take(who, ms), `seed ${seed}: ${done.join(', ')}`);
      } else if (what < 6) {
        done.push(`want ${who} ${ms}`);
        await each.want(who, ms);
        plain.asked = { by: who, until: plain.now + ms };
      } else if (what < 9) {
        done.push(`give ${who}`);
        await each.give(who);
        if (plain.has?.who === who) plain.has = null;
      } else {
        // Time goes by itself, too: what passes never ends when a lease does.
        const passed = (0.5 * random(4) + 0.13) * LONG;
        done.push(`pass ${passed}`);
        await pass(passed);
        plain.now += passed;
      }
    }
  },
};

async function held(taken: Promise<Leading | null>): Promise<Leading> {
  const leading = await taken;
  assert.notEqual(leading, null, 'it could not be taken');
  return leading as Leading;
}

/** What the port says, in its order. */
class PlainLease {
  now = 0;
  has: { readonly who: string; readonly until: number } | null = null;
  asked: { readonly by: string; readonly until: number } | null = null;
  #term = 0;

  take(who: string, ms: number): Leading | null {
    if (this.has && this.has.until <= this.now) this.has = null;
    if (this.asked && this.asked.until <= this.now) this.asked = null;
    const wanted = this.asked !== null && this.asked.by !== who;
    const isNew = this.has === null;
    if (isNew ? wanted : this.has?.who !== who) return null;
    if (isNew) {
      this.#term++;
      this.asked = null;
    }
    this.has = { who, until: this.now + ms };
    return { term: this.#term, wanted };
  }
}

/** Whole numbers below a bound, the same ones from the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
