import assert from 'node:assert/strict';
import { RowcastError, type Entry, type Ledger, type Position } from '../core/index.ts';
import type { LedgerLoss } from './ledger-suite.ts';
import { at, entries, refused, START, type LedgerReader, type LedgerTrial } from './ledger-trial.ts';
import type { Laws } from './runner.ts';

/** What a ledger outside this process may lose, and that nobody is given anything twice, or goes on over a hole. */
export const LOSS_LAWS: Laws<LedgerTrial> = {
  async 'a lost tail that is appended again is given to nobody twice, and to nobody with a hole'(trial) {
    const { ledger, another, lag } = await losing(trial, 'tail');
    const other = await another();
    const term = await ledger.lead();
    await ledger.append(entries(1, 4), term);
    const failOver = await lag();
    await ledger.append(entries(5, 3), term);
    const [had, slept] = [new Steady(trial, other, START), new Steady(trial, other, START)];
    await had.until(7);
    await slept.until(7);
    const asleep = slept.until(9);
    await failOver();
    await gives('the tail that outlived', () => other.tail(), at(4));
    const next = await back(() => other.lead(term + 10));
    assert.ok(next >= term + 10);
    await other.append(entries(5, 1), next);
    await other.append(entries(6, 4), next);
    assert.deepEqual(await asleep, entries(1, 9));
    assert.deepEqual(await had.until(9), entries(1, 9));
    assert.deepEqual(await new Steady(trial, ledger, START).until(9), entries(1, 9));
    assert.deepEqual(await new Steady(trial, ledger, at(6)).until(3), entries(7, 3));
  },

  async 'who appends after a lost tail learns of it, and nothing is taken'(trial) {
    const { ledger, lag } = await losing(trial, 'tail');
    const term = await ledger.lead();
    await ledger.append(entries(1, 2), term);
    const failOver = await lag();
    await ledger.append(entries(3, 2), term);
    await failOver();
    const error = await back(() => ledger.append(entries(5, 1), term)).catch((refusal: unknown) => refusal);
    assert.ok(error instanceof RowcastError && ['ledger_conflict', 'ledger_fenced'].includes(error.code), String(error));
    assert.equal(await ledger.tail(), at(2));
    assert.deepEqual(await new Steady(trial, ledger, START).until(2), entries(1, 2));
  },

  async 'what comes instead of a lost tail is given to who had that tail, after its own position'(trial) {
    const { ledger, lag } = await losing(trial, 'tail');
    const term = await ledger.lead();
    await ledger.append(entries(1, 2), term);
    const failOver = await lag();
    await ledger.append(entries(3, 2), term);
    const reader = new Steady(trial, ledger, START);
    await reader.until(4);
    await failOver();
    const next = await back(() => ledger.lead(term + 10));
    const [third, seventh] = [...entries(3, 1), ...entries(7, 1)] as [Entry, Entry];
    await ledger.append([third, { ...seventh, prev: third.position }], next);
    assert.deepEqual(await reader.until(5), [...entries(1, 4), { ...seventh, prev: third.position }]);
  },

  async 'a term that was given is not led under once all is lost, and nobody leads until somebody asks to'(trial) {
    const { ledger, another, all } = await losing(trial, 'all');
    const other = await another();
    const term = await ledger.lead();
    await ledger.append(entries(1, 3), term);
    await all();
    await refused('ledger_fenced', () => back(() => ledger.append(entries(4, 1), term)));
    const next = await back(() => other.lead(term + 10, at(3)));
    assert.ok(next >= term + 10);
    await refused('ledger_fenced', () => back(() => ledger.append(entries(4, 1), term)));
    await other.append(entries(4, 1), next);
    for (const each of [ledger, other]) assert.deepEqual([await back(() => each.floor()), await each.tail()], [at(3), at(4)]);
  },

  async 'all lost and begun where it was: who had all goes on, who had not has a gap'(trial) {
    const { ledger, another, all } = await losing(trial, 'all');
    const other = await another();
    const term = await ledger.lead();
    await ledger.append(entries(1, 5), term);
    const had = new Steady(trial, other, START);
    await had.until(5);
    const asleep = had.until(7);
    const behind = new Steady(trial, other, at(2));
    await all();
    const next = await back(() => ledger.lead(term + 10, at(5)));
    const late = new Steady(trial, other, at(4));
    await ledger.append(entries(6, 2), next);
    assert.deepEqual(await asleep, entries(1, 7));
    await behind.gap();
    await late.gap();
    assert.deepEqual([...behind.got, ...late.got], []);
    assert.deepEqual(await new Steady(trial, other, at(5)).until(2), entries(6, 2));
  },

  async 'all lost and begun further on: who sleeps where it was has a gap, though nothing is appended'(trial) {
    const { ledger, another, all } = await losing(trial, 'all');
    const other = await another();
    const term = await ledger.lead();
    await ledger.append(entries(1, 5), term);
    const reader = new Steady(trial, other, START);
    await reader.until(5);
    const gap = reader.gap();
    await all();
    const next = await back(() => ledger.lead(term + 10, at(9)));
    await gap;
    await ledger.append(entries(10, 2), next);
    assert.deepEqual(await new Steady(trial, other, at(9)).until(2), entries(10, 2));
    await new Steady(trial, other, at(8)).gap();
  },

  async 'all lost and appended again from the beginning: what somebody had is not given again'(trial) {
    const { ledger, another, all } = await losing(trial, 'all');
    const other = await another();
    const term = await ledger.lead();
    await ledger.append(entries(1, 5), term);
    const reader = new Steady(trial, other, START);
    await reader.until(5);
    const asleep = reader.until(8);
    await all();
    const next = await back(() => other.lead(term + 10, START));
    await other.append(entries(1, 3), next);
    const late = new Steady(trial, other, at(4));
    await other.append(entries(4, 3), next);
    await other.append(entries(7, 2), next);
    assert.deepEqual(await asleep, entries(1, 8));
    assert.deepEqual(await late.until(4), entries(5, 4));
    assert.deepEqual(await new Steady(trial, ledger, START).until(8), entries(1, 8));
  },
};

/** A ledger that can lose this. Where it says that it cannot, the fixture has a skip for the law. */
async function losing(
  trial: LedgerTrial,
  what: 'tail' | 'all',
): Promise<{ ledger: Ledger; another(): Promise<Ledger> } & Required<LedgerLoss>> {
  const { ledger, another, lose } = await trial.open();
  const missing = (): never => assert.fail(`this ledger's world cannot lose ${what}: give it lose.${what === 'tail' ? 'lag' : what}`);
  return { ledger, another, lag: lose?.lag ?? missing, all: lose?.all ?? missing };
}

/** Asks again for as long as the broker is away. */
export async function back<T>(ask: () => Promise<T>): Promise<T> {
  const late = Date.now() + 20_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error) || Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function gives<T>(what: string, ask: () => Promise<T>, wanted: T): Promise<void> {
  assert.deepEqual(await back(ask), wanted, what);
}

function isAway(error: unknown): boolean {
  return error instanceof RowcastError && error.code === 'ledger_lost';
}

/** A follower as a gateway is one: where the broker was away it follows again, from where it was. */
export class Steady {
  readonly got: Entry[] = [];
  readonly #trial: LedgerTrial;
  readonly #ledger: Ledger;
  #at: Position;
  #reader: LedgerReader;

  constructor(trial: LedgerTrial, ledger: Ledger, after: Position) {
    this.#trial = trial;
    this.#ledger = ledger;
    this.#at = after;
    this.#reader = trial.follow(ledger, after);
  }

  until(count: number): Promise<readonly Entry[]> {
    return kept(this.#until(count));
  }

  gap(): Promise<void> {
    return kept(refused('ledger_gap', () => this.#until(Infinity)));
  }

  async #until(count: number): Promise<readonly Entry[]> {
    while (this.got.length < count) await back(() => this.#more());
    return this.got;
  }

  async #more(): Promise<void> {
    try {
      const batch = (await this.#reader.next()) ?? assert.fail('it ended');
      for (const entry of batch) {
        assert.ok(entry.position > this.#at, `given twice: ${entry.position} after ${this.#at}`);
        assert.ok(entry.prev <= this.#at, `a hole: ${entry.position} names ${entry.prev}, and this had all up to ${this.#at}`);
        this.#at = entry.position;
        this.got.push(entry);
      }
    } catch (error) {
      if (isAway(error)) this.#reader = this.#trial.follow(this.#ledger, this.#at);
      throw error;
    }
  }
}

/** A law that has failed elsewhere does not come back for it. */
function kept<T>(coming: Promise<T>): Promise<T> {
  coming.catch(() => undefined);
  return coming;
}
