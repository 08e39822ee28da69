import assert from 'node:assert/strict';
import { sizeOf, type Entry, type Ledger, type Position } from '../core/index.ts';
import { at, between, entries, START, type LedgerTrial } from './ledger-trial.ts';
import type { Laws } from './runner.ts';

const ONE = entries(1, 1) as unknown as readonly [Entry];
const SIZE = sizeOf(ONE[0]);

/** Entries one by one, each its own call. */
async function fill(ledger: Ledger, count: number): Promise<number> {
  const term = await ledger.lead();
  for (let number = 1; number <= count; number++) await ledger.append(entries(number, 1), term);
  return term;
}

/** Lets time pass until then, twenty seconds of it at most. */
async function floorComesTo(position: Position, ledger: Ledger, pass: (ms: number) => Promise<void>): Promise<void> {
  for (let passed = 0; passed < 20_000; passed += 20) {
    if ((await ledger.floor()) === position) return;
    await pass(20);
  }
  assert.fail('what is too old is still there');
}

/** How much is kept, what goes, and who is told. */
export const BOUND_LAWS: Laws<LedgerTrial> = {
  async 'by count: up to the bound all is kept, and one more lets the oldest go'(trial) {
    for (const [count, gone] of [
      [9, 0],
      [10, 0],
      [11, 1],
      [25, 15],
    ] as const) {
      // prettier-ignore
      const { ledger, another } = await trial.open({ entries: 10 });
      await fill(ledger, count);
      for (const each of [ledger, await another()]) assert.deepEqual([await each.floor(), await each.tail()], [at(gone), at(count)]);
      assert.deepEqual(await trial.follow(ledger, at(gone)).until(count - gone), entries(gone + 1, count - gone));
    }
  },

  async 'by bytes: up to the bound all is kept, and one byte less lets the oldest go'(trial) {
    for (const [bytes, gone] of [
      [5 * SIZE + 1, 0],
      [5 * SIZE, 0],
      [5 * SIZE - 1, 1],
      [2 * SIZE, 3],
    ] as const) {
      // prettier-ignore
      const { ledger } = await trial.open({ bytes });
      await fill(ledger, 5);
      assert.equal(await ledger.floor(), at(gone));
      assert.deepEqual(await trial.follow(ledger, at(gone)).until(5 - gone), entries(gone + 1, 5 - gone));
    }
  },

  async 'the newest entry is kept however large, and goes with the next'(trial) {
    const { ledger } = await trial.open({ bytes: SIZE });
    const term = await ledger.lead();
    const reader = trial.follow(ledger, START);
    await ledger.append(entries(1, 1, { pad: 50_000 }), term);
    assert.deepEqual(await reader.until(1), entries(1, 1, { pad: 50_000 }));
    assert.equal(await ledger.floor(), START);
    await ledger.append(entries(2, 1), term);
    assert.equal(await ledger.floor(), at(1));
    assert.deepEqual(await reader.until(2), [...entries(1, 1, { pad: 50_000 }), ...entries(2, 1)]);
  },

  async 'by age: what is as old as the bound is kept, and what is older goes'(trial) {
    const { ledger, pass } = await trial.open({ age: 1_000 });
    const term = await fill(ledger, 2);
    await pass(999);
    await ledger.append(entries(3, 1), term);
    assert.equal(await ledger.floor(), START);
    await pass(1);
    assert.equal(await ledger.floor(), START);
    assert.deepEqual(await trial.follow(ledger, START).until(3), entries(1, 3));
    await pass(1);
    assert.equal(await ledger.floor(), at(2));
    await trial.follow(ledger, between(1)).gap();
    assert.deepEqual(await trial.follow(ledger, at(2)).until(1), entries(3, 1));
  },

  async 'what is too old goes, the newest too, and an emptied ledger goes on where it was'(trial) {
    const { ledger, pass } = await trial.open({ age: 50 });
    const term = await fill(ledger, 3);
    await floorComesTo(at(3), ledger, pass);
    assert.equal(await ledger.tail(), at(3));
    await trial.follow(ledger, at(2)).gap();
    const next = trial.follow(ledger, at(3)).until(1);
    await ledger.append(entries(4, 1), term);
    assert.deepEqual(await next, entries(4, 1));
  },

  async 'a follower that has had everything outlives the trimming of it'(trial) {
    const { ledger, pass } = await trial.open({ age: 50, entries: 3 });
    const term = await fill(ledger, 3);
    const reader = trial.follow(ledger, START);
    await reader.until(3);
    const asleep = reader.until(4);
    await floorComesTo(at(3), ledger, pass);
    await ledger.append(entries(4, 1), term);
    assert.deepEqual(await asleep, entries(1, 4));
  },

  async 'trimming behind a reader takes nothing from it'(trial) {
    const { ledger } = await trial.open({ entries: 5 });
    const term = await ledger.lead();
    const reader = trial.follow(ledger, START);
    for (let call = 0; call < 50; call++) {
      await ledger.append(entries(1 + 5 * call, 5), term);
      await reader.until(5 * (call + 1));
    }
    assert.deepEqual(reader.got, entries(1, 250));
  },

  async 'a reader that is overtaken by trimming is told so: what it got has no hole, and then there is a gap'(trial) {
    const { ledger } = await trial.open({ entries: 5 });
    const term = await ledger.lead();
    const [unread, begun] = [trial.follow(ledger, START), trial.follow(ledger, START)];
    await ledger.append(entries(1, 3), term);
    await begun.until(3);
    for (let call = 0; call < 60; call++) await ledger.append(entries(4 + 100 * call, 100), term);
    for (const reader of [unread, begun]) {
      await reader.gap();
      assert.deepEqual(reader.got, entries(1, reader.got.length));
      assert.ok(reader.got.length < 6_003, 'nothing was lost, and a gap was told');
    }
  },

  async 'a reader that sleeps at the tail is overtaken by one call that is more than the bound'(trial) {
    const { ledger } = await trial.open({ entries: 5 });
    const term = await ledger.lead();
    const asleep = trial.follow(ledger, START).gap();
    await ledger.append(entries(1, 6), term);
    await asleep;
    assert.deepEqual([await ledger.floor(), await ledger.tail()], [at(1), at(6)]);
  },
};
