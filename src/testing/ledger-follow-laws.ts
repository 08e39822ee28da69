import assert from 'node:assert/strict';
import { positionOf } from '../core/index.ts';
import { afterTicks, at, between, entries, START, ticks, type LedgerTrial } from './ledger-trial.ts';
import type { Laws } from './runner.ts';

/** How it is read: from where, without a gap, until when. */
export const FOLLOW_LAWS: Laws<LedgerTrial> = {
  async 'a follower gets every entry after its position, those kept and those to come: whole, once, in order'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    const reader = trial.follow(ledger, at(1));
    const read = reader.until(6);
    await ledger.append(entries(4, 2), term);
    await ledger.append(entries(6, 2), term);
    await read;
    assert.deepEqual(await reader.until(6), entries(2, 6));
  },

  async 'every follower gets every entry, in another process too'(trial) {
    const { ledger, another } = await trial.open();
    const term = await ledger.lead();
    const readers = [ledger, ledger, await another(), await another()].map((each) => trial.follow(each, START));
    const reads = readers.map((reader) => reader.until(4));
    for (let number = 1; number <= 4; number++) await ledger.append(entries(number, 1), term);
    for (const read of reads) assert.deepEqual(await read, entries(1, 4));
  },

  async 'following begins when it is asked for: what is appended before the first read is not missed'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    await ledger.append(entries(1, 2), term);
    const reader = trial.follow(ledger, at(2));
    await ledger.append(entries(3, 2), term);
    assert.deepEqual(await reader.until(2), entries(3, 2));
  },

  async 'it is followed from its floor and from its tail, be it empty or not'(trial) {
    const { ledger } = await trial.open({ entries: 4 });
    const term = await ledger.lead();
    const empty = trial.follow(ledger, START).until(1);
    await ledger.append(entries(1, 1), term);
    assert.deepEqual(await empty, entries(1, 1));
    for (let number = 2; number <= 6; number++) await ledger.append(entries(number, 1), term);
    assert.deepEqual([await ledger.floor(), await ledger.tail()], [at(2), at(6)]);
    const [fromFloor, fromTail] = [at(2), at(6)].map((after) => trial.follow(ledger, after));
    assert.deepEqual(await fromFloor?.until(4), entries(3, 4));
    const next = fromTail?.until(1);
    await ledger.append(entries(7, 1), term);
    assert.deepEqual(await next, entries(7, 1));
  },

  async 'a position between two entries is a position: what comes after it is read'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    await ledger.append(entries(1, 4), term);
    for (let number = 0; number < 4; number++) {
      assert.deepEqual(await trial.follow(ledger, between(number)).until(4 - number), entries(number + 1, 4 - number));
    }
  },

  async 'a position before the floor is a gap, and the first read says so'(trial) {
    const { ledger, another } = await trial.open({ entries: 2 });
    const other = await another();
    const before = positionOf(1);
    await trial.follow(ledger, before).gap();
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    await trial.follow(other, before).gap();
    for (let number = 2; number <= 5; number++) await ledger.append(entries(number, 1), term);
    for (const after of [START, at(2), between(2)]) {
      const reader = trial.follow(other, after);
      await reader.gap();
      assert.deepEqual(reader.got, []);
    }
  },

  async 'who is past the tail waits for what comes after it, and is given nothing else'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    const term = await ledger.lead();
    const readers = [START, between(0), at(1), between(1), at(3), between(5)].map((after) => trial.follow(other, after));
    const read = readers.map((reader, index) => reader.until([8, 8, 7, 7, 5, 3][index] as number));
    await ledger.append(entries(1, 2), term);
    await ledger.append(entries(3, 4), term);
    await ledger.append(entries(7, 2), term);
    for (const [index, got] of (await Promise.all(read)).entries()) {
      const first = [1, 1, 2, 2, 4, 6][index] as number;
      assert.deepEqual(got, entries(first, 9 - first));
    }
  },

  async 'no wake-up is lost, however close an append comes to the moment a reader goes to sleep'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    const reader = trial.follow(ledger, START);
    let number = 0;
    for (let round = 0; round < 3; round++) {
      for (let tick = 0; tick < 30; tick++) {
        const read = reader.until(++number);
        if (round === 1) await new Promise((resolve) => setImmediate(resolve));
        if (round === 2) await new Promise((resolve) => setTimeout(resolve, tick % 3));
        await afterTicks(tick, () => ledger.append(entries(number, 1), term));
        await read;
      }
    }
    assert.deepEqual(reader.got, entries(1, number));
  },

  async 'what is appended while a batch is looked at is in the next one'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    const reader = trial.follow(ledger, START);
    for (let round = 0; round < 30; round++) {
      await ledger.append(entries(1 + 2 * round, 1), term);
      await reader.until(1 + 2 * round);
      const appended = afterTicks(round, () => ledger.append(entries(2 + 2 * round, 1), term));
      await reader.until(2 + 2 * round);
      await appended;
    }
    assert.deepEqual(reader.got, entries(1, 60));
  },

  async 'an abort before the first read ends a follower'(trial) {
    const { ledger } = await trial.open();
    await ledger.append(entries(1, 1), await ledger.lead());
    assert.equal(await trial.follow(ledger, START, AbortSignal.abort()).more(), null);
    const ended = new AbortController();
    const reader = trial.follow(ledger, START, ended.signal);
    ended.abort();
    assert.equal(await reader.more(), null);
    assert.equal(await reader.more(), null);
  },

  async 'an abort ends a follower that sleeps, however long it has slept'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    for (let tick = 0; tick < 30; tick++) {
      const ended = new AbortController();
      const reader = trial.follow(other, START, ended.signal);
      const read = reader.more();
      await ticks(tick);
      if (tick % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
      ended.abort();
      assert.equal(await read, null);
    }
    // Nobody is left who would have to be told.
    await ledger.append(entries(1, 1), await ledger.lead());
  },

  async 'an abort while a batch is looked at ends a follower, though there is more to read'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    await ledger.append(entries(1, 1), term);
    const ended = new AbortController();
    const reader = trial.follow(ledger, START, ended.signal);
    await reader.until(1);
    await ledger.append(entries(2, 1), term);
    ended.abort();
    assert.equal(await reader.more(), null);
    assert.deepEqual(reader.got, entries(1, 1));
  },

  async 'a follower that is left at a batch is gone, and the others go on'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    const [left, stays] = [trial.follow(ledger, START), trial.follow(ledger, START)];
    await ledger.append(entries(1, 2), term);
    await left.more();
    await left.leave();
    assert.equal(await left.more(), null);
    await ledger.append(entries(3, 2), term);
    assert.deepEqual(await stays.until(4), entries(1, 4));
  },

  async 'a follower that does not read holds up nobody, and finds what is kept'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    const [never, late, prompt] = [START, START, START].map((after) => trial.follow(ledger, after));
    assert.ok(never);
    const read = prompt?.until(20_000);
    for (let call = 0; call < 20; call++) {
      await trial.within('an append', ledger.append(entries(1 + 1_000 * call, 1_000), term));
    }
    await read;
    const got = (await late?.until(20_000)) ?? [];
    assert.deepEqual([got[0]?.position, got.length, got.at(-1)?.position], [at(1), 20_000, at(20_000)]);
  },
};
