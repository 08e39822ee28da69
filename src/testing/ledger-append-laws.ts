import assert from 'node:assert/strict';
import { RowcastError, type Entry } from '../core/index.ts';
import { afterTicks, at, chance, entries, refused, START, ticks, type LedgerTrial } from './ledger-trial.ts';
import type { Laws } from './runner.ts';

/** What is taken, from whom, and what is refused. */
export const APPEND_LAWS: Laws<LedgerTrial> = {
  async 'floor and tail are where it begins, and the tail is the last entry it took'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    for (const each of [ledger, other]) assert.deepEqual([await each.floor(), await each.tail()], [START, START]);
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    await ledger.append([], term);
    for (const each of [ledger, other]) assert.deepEqual([await each.floor(), await each.tail()], [START, at(3)]);
  },

  async 'entries that do not follow the tail are refused, all of them, and change nothing'(trial) {
    const { ledger } = await trial.open();
    const term = await ledger.lead();
    await ledger.append(entries(1, 2), term);
    const reader = trial.follow(ledger, START);
    const asleep = reader.until(3);
    const [third, fourth] = entries(3, 2) as [Entry, Entry];
    const wrong: Record<string, readonly Entry[]> = {
      'one is missing': entries(4, 2),
      'they are there already': entries(1, 2),
      'the last is there already': entries(2, 2),
      'one is missing between': [third, ...entries(5, 1)],
      'the wrong way round': [fourth, third],
      'one of them twice': [third, third],
      'no step forward': [{ ...third, position: at(2) }],
      'a step back': [third, { ...fourth, position: at(1) }],
      'after where it began': [{ ...third, prev: START }],
    };
    for (const [why, torn] of Object.entries(wrong)) {
      await refused('ledger_conflict', () => ledger.append(torn, term)).catch((error: unknown) => {
        throw new Error(`${why}: it was taken, or refused otherwise`, { cause: error });
      });
      assert.equal(await ledger.tail(), at(2), why);
    }
    await ledger.append([third], term);
    assert.deepEqual(await asleep, entries(1, 3));
  },

  async 'of two appends to one tail, one is taken'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    const term = await ledger.lead();
    const reader = trial.follow(ledger, START);
    const taken: Entry[] = [];
    for (let round = 0; round < 20; round++) {
      const [one, two] = [entries(taken.length + 1, 2, { client: 'one' }), entries(taken.length + 1, 3, { client: 'two' })];
      const outcomes = await Promise.allSettled([ledger.append(one, term), afterTicks(round % 5, () => other.append(two, term))]);
      assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
      taken.push(...(outcomes[0].status === 'fulfilled' ? one : two));
      assert.equal(await ledger.tail(), at(taken.length));
    }
    assert.deepEqual(await reader.until(taken.length), taken);
  },

  async 'each term is greater than all before, whoever asks for it, and than 0'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    const terms = [0];
    for (let round = 0; round < 5; round++) terms.push(await ledger.lead(), await other.lead());
    assert.deepEqual(
      terms,
      [...new Set(terms)].toSorted((one, two) => one - two),
    );
    const raced = await Promise.all([ledger.lead(), other.lead(), ledger.lead()]);
    assert.equal(new Set([...raced, ...terms]).size, raced.length + terms.length);
    const last = Math.max(...raced);
    assert.equal(await ledger.lead(last + 10), last + 10, 'at least what is asked for');
    assert.ok((await other.lead(1)) > last + 10, 'greater than all before');
  },

  async 'nothing is appended under a term that is not the current one: none, an older one, one that was never given'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    await refused('ledger_fenced', () => ledger.append(entries(1, 1), 0));
    await refused('ledger_fenced', () => ledger.append(entries(1, 1), 1));
    const old = await ledger.lead();
    const term = await other.lead();
    // What it would append follows the tail: only the term tells.
    await refused('ledger_fenced', () => ledger.append(entries(1, 2), old));
    await refused('ledger_fenced', () => ledger.append(entries(1, 2), term + 1));
    assert.equal(await ledger.tail(), START);
    await other.append(entries(1, 2), term);
    await refused('ledger_fenced', () => ledger.append(entries(3, 1), old));
    assert.equal(await ledger.tail(), at(2));
  },

  async 'who was overtaken learns that, and not that its tail is wrong'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    const old = await ledger.lead();
    const term = await other.lead();
    await other.append(entries(1, 1), term);
    await refused('ledger_fenced', () => ledger.append(entries(1, 1), old));
  },

  async 'once another leads, the one before appends nothing more, however they interleave'(trial) {
    for (let seed = 1; seed <= 25; seed++) {
      const random = chance(seed);
      const { ledger, another } = await trial.open();
      const other = await another();
      const old = await ledger.lead();
      const leading = (async (): Promise<unknown> => {
        for (let number = 1; number <= 100_000; number++) {
          await (number % 20 === 0 ? new Promise((resolve) => setImmediate(resolve)) : ticks(random(4)));
          try {
            await ledger.append(entries(number, 1, { client: 'old' }), old);
          } catch (error) {
            return error;
          }
        }
        return 'it appends on';
      })();
      await ticks(random(200));
      if (random(2) === 0) await new Promise((resolve) => setImmediate(resolve));
      const term = await other.lead();
      const before = await other.tail();
      const count = Number((BigInt(`0x${before}`) - BigInt(`0x${START}`)) / 10n);
      for (let number = 1; number <= 5; number++) {
        await ticks(random(4));
        await other.append(entries(count + number, 1, { client: 'new' }), term);
      }
      const ended = await trial.within('the end of the one before', leading);
      assert.ok(ended instanceof RowcastError && ended.code === 'ledger_fenced', `seed ${seed}: ${String(ended)}`);
      const written = (await trial.follow(other, START).until(count + 5)).map(({ receipts }) => receipts[0]?.client);
      assert.deepEqual(written, [...Array<string>(count).fill('old'), ...Array<string>(5).fill('new')], `seed ${seed}`);
    }
  },

  async 'the entries of one call are seen all or none'(trial) {
    const { ledger, another } = await trial.open();
    const other = await another();
    const [calls, size] = [20, 7];
    const ends = new Set(Array.from({ length: calls + 1 }, (_, call) => at(size * call)));
    let done = false;
    const looking = (async () => {
      while (!done) {
        assert.ok(ends.has(await other.tail()), 'the tail is within a call');
        await ticks(1);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const reader = trial.follow(other, START);
    const reading = (async () => {
      while (reader.got.length < calls * size) {
        assert.notEqual(await reader.more(), null);
        const call = Math.ceil(reader.got.length / size);
        assert.ok((await other.tail()) >= at(call * size), 'an entry was read before the last of its call was there');
      }
    })();
    // Whichever fails first is the failure.
    const watched = Promise.all([looking, reading]);
    watched.catch(() => undefined);
    try {
      const term = await ledger.lead();
      for (let call = 0; call < calls; call++) {
        const appended = ledger.append(entries(1 + size * call, size), term);
        for (let tick = 0; tick < 5; tick++) {
          assert.ok(ends.has(await other.tail()), 'the tail is within a call');
          await ticks(1);
        }
        await appended;
      }
      await reading;
    } finally {
      done = true;
    }
    await watched;
  },
};
