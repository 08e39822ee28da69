import assert from 'node:assert/strict';
import { numberOf, positionOf, sizeOf, type Entry, type Ledger, type LedgerBounds, type Position } from '../core/index.ts';
import { chance, entries, refused, START, type LedgerReader, type LedgerTrial } from './ledger-trial.ts';
import type { Laws } from './runner.ts';

/** What somebody does with a ledger. Leaders are 0 and 1, each with a handle of its own; followers are numbered as they come. */
export type LedgerStep =
  | { readonly act: 'lead'; readonly leader: number }
  | { readonly act: 'append'; readonly leader: number; readonly count: number; readonly pad: number }
  /** With a `prev` this many entries off the tail, or torn in the middle where that is 0. */
  | { readonly act: 'stray'; readonly leader: number; readonly off: number }
  /** From the floor, from the tail, or from this far on the way from before the one to beyond the other, by hundredths. */
  | { readonly act: 'follow'; readonly from: 'floor' | 'tail' | number }
  | { readonly act: 'read'; readonly follower: number }
  | { readonly act: 'leave'; readonly follower: number }
  | { readonly act: 'pass'; readonly ms: number };

export interface LedgerPlay {
  readonly bounds: LedgerBounds;
  readonly steps: readonly LedgerStep[];
}

/** The numbers from which plays are made: as many as a property test, or a seed, gives. */
export function stepOf([kind, who, much, more]: readonly [number, number, number, number]): LedgerStep {
  if (kind < 8) return { act: 'append', leader: kind < 6 ? who % 2 : 0, count: 1 + (much % 4), pad: more < 10 ? 20 * more : 0 };
  if (kind < 14) return { act: 'read', follower: who };
  if (kind < 17) return { act: 'follow', from: more < 25 ? 'floor' : more < 50 ? 'tail' : much };
  if (kind < 18) return { act: 'lead', leader: who % 2 };
  if (kind < 19) return { act: 'pass', ms: much };
  return more < 50 ? { act: 'leave', follower: who } : { act: 'stray', leader: who % 2, off: (much % 7) - 3 };
}

export const STEP_NUMBERS = [20, 100, 101, 100] as const;

export const MODEL_LAWS: Laws<LedgerTrial> = {
  async 'whatever is appended, trimmed, led, followed and read, in whatever order, it is as a plain list of entries would be'(trial) {
    const { seed } = trial;
    for (let run = 0; run < 30; run++) {
      const random = chance(seed + run);
      const steps = Array.from({ length: 80 }, () => stepOf(STEP_NUMBERS.map(random) as [number, number, number, number]));
      const bounds = { entries: 3 + random(12), bytes: 2_000 + random(20_000), age: 100 + random(400) };
      try {
        await playLedger(trial, { bounds, steps });
      } catch (error) {
        throw new Error(`${(error as Error).message}; seed ${seed + run}: ${JSON.stringify({ bounds, steps })}`, { cause: error });
      }
    }
  },
};

/** Plays on a new ledger and on a plain list. Rejects at the first step where they differ. */
export async function playLedger(trial: LedgerTrial, { bounds, steps }: LedgerPlay): Promise<void> {
  const world = await trial.open(bounds);
  const play = new Play(trial, [world.ledger, await world.another()], new PlainList(bounds));
  for (const step of steps) {
    if (step.act === 'pass') await world.pass(step.ms);
    await play.step(step);
  }
  await play.end();
}

/** The ledger as anybody can see that it is right: all that ever was, and what of it is kept. */
class PlainList {
  readonly all: Entry[] = [];
  kept: { readonly entry: Entry; readonly since: number }[] = [];
  floor: Position = START;
  term = 0;
  now = 0;
  readonly #bounds: LedgerBounds;

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
  }

  get tail(): Position {
    return this.all.at(-1)?.position ?? START;
  }

  append(added: readonly Entry[]): void {
    this.all.push(...added);
    this.kept.push(...added.map((entry) => ({ entry, since: this.now })));
    this.trim();
  }

  trim(): void {
    const { entries: most, bytes, age } = this.#bounds;
    const size = (): number => this.kept.reduce((sum, { entry }) => sum + sizeOf(entry), 0);
    for (let [first] = this.kept; first; [first] = this.kept) {
      const isTooMuch = this.kept.length > 1 && (this.kept.length > most || size() > bytes);
      if (!isTooMuch && this.now - first.since <= age) return;
      this.floor = first.entry.position;
      this.kept.shift();
    }
  }

  after(position: Position): readonly Entry[] {
    return this.all.filter((entry) => entry.position > position);
  }
}

interface Follower {
  readonly reader: LedgerReader;
  readonly ended: AbortController;
  /** Up to where it has had all. */
  has: Position;
  /** Had what comes after its position gone when it began to follow? */
  readonly isLost: boolean;
  /** A read that found nothing, and what has become of it. */
  asleep: { readonly read: Promise<readonly Entry[] | null>; woken: boolean } | null;
}

class Play {
  readonly #trial: LedgerTrial;
  readonly #handles: readonly Ledger[];
  readonly #list: PlainList;
  readonly #terms = [0, 0];
  #followers: Follower[] = [];

  constructor(trial: LedgerTrial, handles: readonly Ledger[], list: PlainList) {
    this.#trial = trial;
    this.#handles = handles;
    this.#list = list;
  }

  async step(step: LedgerStep): Promise<void> {
    for (const { asleep } of this.#followers) assert.ok(!asleep?.woken, 'a read came back though there was nothing to read');
    switch (step.act) {
      case 'lead': {
        const term = await this.#handle(step.leader).lead();
        assert.ok(term > this.#list.term);
        this.#list.term = this.#terms[step.leader] = term;
        break;
      }
      case 'append':
        await this.#append(
          step.leader,
          entries(this.#list.all.length + 1, step.count, { client: String(step.leader), pad: step.pad }),
          true,
        );
        break;
      case 'stray': {
        const [first, second] = entries(this.#list.all.length + 1 + step.off, 2) as [Entry, Entry];
        await this.#append(step.leader, step.off === 0 ? [first, { ...second, prev: first.prev }] : [first, second], false);
        break;
      }
      case 'follow':
        this.#follow(step.from);
        break;
      case 'read':
        await this.#read(this.#followers[step.follower % this.#followers.length]);
        break;
      case 'leave':
        await this.#leave(this.#followers[step.follower % this.#followers.length]);
        break;
      case 'pass':
        this.#list.now += step.ms;
        this.#list.trim();
        break;
    }
    for (const handle of this.#handles) {
      assert.deepEqual([await handle.floor(), await handle.tail()], [this.#list.floor, this.#list.tail]);
    }
  }

  async end(): Promise<void> {
    while (this.#followers.length > 0) await this.#leave(this.#followers[0]);
  }

  #handle(leader: number): Ledger {
    return this.#handles[leader] as Ledger;
  }

  async #append(leader: number, added: readonly Entry[], follows: boolean): Promise<void> {
    const term = this.#terms[leader] as number;
    const append = (): Promise<void> => this.#trial.within('an append', this.#handle(leader).append(added, term));
    if (term === 0 || term !== this.#list.term) return refused('ledger_fenced', append);
    if (!follows) return refused('ledger_conflict', append);
    await append();
    this.#list.append(added);
    for (const follower of [...this.#followers]) {
      // Who is past the tail may sleep on.
      if (!follower.asleep || this.#list.after(follower.has).length === 0) continue;
      const { read } = follower.asleep;
      follower.asleep = null;
      await this.#judge(follower, read);
    }
  }

  #follow(from: 'floor' | 'tail' | number): void {
    const [first, last] = [numberOf(this.#list.floor) - 12n, numberOf(this.#list.tail) + 12n];
    const after = typeof from === 'string' ? this.#list[from] : positionOf(first + ((last - first) * BigInt(from)) / 100n);
    const ended = new AbortController();
    const reader = this.#trial.follow(this.#handle(this.#followers.length % 2), after, ended.signal);
    const isLost = after < this.#list.floor;
    this.#followers.push({ reader, ended, has: after, isLost, asleep: null });
  }

  async #read(follower: Follower | undefined): Promise<void> {
    if (!follower || follower.asleep) return;
    const read = follower.reader.more();
    if (follower.isLost || this.#list.after(follower.has).length > 0) return this.#judge(follower, read);
    const asleep = { read, woken: false };
    follower.asleep = asleep;
    read.then(
      () => (asleep.woken = follower.asleep === asleep),
      () => (asleep.woken = follower.asleep === asleep),
    );
  }

  /** A read that had to come back: with what follows, or with a gap, where and only where something went that the follower has not had. */
  async #judge(follower: Follower, read: Promise<readonly Entry[] | null>): Promise<void> {
    const isOvertaken = follower.has < this.#list.floor;
    const outcome = await read.then(
      (batch) => ({ batch }),
      (error: unknown) => ({ error }),
    );
    if ('error' in outcome) {
      assert.ok(follower.isLost || isOvertaken, `a read failed that had all it needed: ${String(outcome.error)}`);
      await refused('ledger_gap', () => Promise.reject(outcome.error as Error));
      this.#followers = this.#followers.filter((each) => each !== follower);
      return;
    }
    assert.ok(!follower.isLost, 'it was followed from where it cannot be');
    const batch = outcome.batch ?? assert.fail('a follower ended by itself');
    // A body may have fetched what has gone since: then it is the next in order all the same.
    assert.deepEqual(batch, this.#list.after(follower.has).slice(0, batch.length));
    follower.has = (batch.at(-1) as Entry).position;
  }

  async #leave(follower: Follower | undefined): Promise<void> {
    if (!follower) return;
    follower.ended.abort();
    this.#followers = this.#followers.filter((each) => each !== follower);
    const { asleep } = follower;
    follower.asleep = null;
    assert.equal(await (asleep?.read ?? follower.reader.more()), null, 'an abort did not end a follower');
  }
}
