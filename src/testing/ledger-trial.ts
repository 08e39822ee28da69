import assert from 'node:assert/strict';
import { positionOf, RowcastError, type Entry, type ErrorCode, type Ledger, type LedgerBounds, type Position } from '../core/index.ts';
import type { LedgerFixture, LedgerWorld } from './ledger-suite.ts';

/** What one law uses up: worlds and readers, all of which end with it. */
export class LedgerTrial {
  readonly #fixture: LedgerFixture;
  readonly #worlds: LedgerWorld[] = [];
  readonly #ended = new AbortController();

  constructor(fixture: LedgerFixture) {
    this.#fixture = fixture;
  }

  get seed(): number {
    return this.#fixture.seed ?? Math.floor(Math.random() * 2 ** 31);
  }

  async open(bounds: Partial<LedgerBounds> = {}): Promise<Omit<LedgerWorld, 'close'>> {
    const world = await this.#fixture.open(START, bounds);
    this.#worlds.push(world);
    const { ledger, lose } = world;
    return { ledger, another: () => world.another(), pass: (ms) => world.pass(ms), ...(lose && { lose }) };
  }

  /** Follows until the law is over, or until a signal of the law's own. */
  follow(ledger: Ledger, after: Position, signal?: AbortSignal): LedgerReader {
    const signals = signal ? [signal, this.#ended.signal] : [this.#ended.signal];
    return new LedgerReader(ledger.follow(after, AbortSignal.any(signals)), this);
  }

  /** Rejects when it does not come. */
  async within<T>(what: string, coming: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} did not come`)), this.#fixture.patience ?? 20_000);
    });
    try {
      return await Promise.race([coming, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.allSettled(this.#worlds.map((world) => world.close()));
  }
}

/** What a follower got, one read after the other. */
export class LedgerReader {
  readonly got: Entry[] = [];
  readonly #batches: AsyncIterator<readonly Entry[]>;
  readonly #trial: LedgerTrial;

  constructor(followed: AsyncIterable<readonly Entry[]>, trial: LedgerTrial) {
    this.#batches = followed[Symbol.asyncIterator]();
    this.#trial = trial;
  }

  /** One batch more; null: it has ended. */
  more(): Promise<readonly Entry[] | null> {
    return awaited(this.#more());
  }

  /** Reads until it has had this many in all. */
  until(count: number): Promise<readonly Entry[]> {
    return awaited(this.#until(count));
  }

  /** Reads on; resolves once a read has said that there is a gap. */
  gap(): Promise<void> {
    return awaited(this.#gap());
  }

  async leave(): Promise<void> {
    await this.#trial.within('the end', Promise.resolve(this.#batches.return?.()));
  }

  /** The next batch as it comes, for who judges it itself; null: it has ended. */
  async next(): Promise<readonly Entry[] | null> {
    const { done, value } = await this.#trial.within('a batch', this.#batches.next());
    if (done) return null;
    assert.ok(value.length > 0, 'an empty batch');
    return value;
  }

  async #more(): Promise<readonly Entry[] | null> {
    const value = await this.next();
    for (const entry of value ?? []) {
      const last = this.got.at(-1);
      if (last) assert.equal(entry.prev, last.position, 'an entry that does not follow the one before it');
      this.got.push(entry);
    }
    return value;
  }

  async #until(count: number): Promise<readonly Entry[]> {
    while (this.got.length < count) assert.notEqual(await this.#more(), null, 'it ended');
    return this.got;
  }

  async #gap(): Promise<void> {
    await refused('ledger_gap', async () => {
      while (await this.#more());
    });
  }
}

/** A law that has failed elsewhere does not come back for it. */
function awaited<T>(coming: Promise<T>): Promise<T> {
  coming.catch(() => undefined);
  return coming;
}

const FIRST = 1_000n;

/** Where every ledger of the suite begins. */
export const START: Position = positionOf(FIRST);

/** The position of the entry of this number, counted from 1; 0: where the ledger begins. There are nine others between two of them. */
export function at(number: number): Position {
  return positionOf(FIRST + 10n * BigInt(number));
}

/** A position between this entry's and the next one's. */
export function between(number: number): Position {
  return positionOf(FIRST + 10n * BigInt(number) + 5n);
}

/** `count` entries from this number on, of awkward content, all of one size up to the millionth. */
export function entries(number: number, count: number, by: { readonly client?: string; readonly pad?: number } = {}): Entry[] {
  const { client = 'c', pad = 0 } = by;
  return Array.from({ length: count }, (_, index) => {
    const own = number + index;
    return {
      position: at(own),
      prev: at(own - 1),
      xid: String(2n ** 63n + BigInt(own)),
      receipts: [{ client, write: own, answer: { ok: true, pk: own } }],
      deliveries: [
        {
          stream: 's',
          key: String(own).padStart(7, '0'),
          before: null,
          after: ['žluť 🐎', '\u0000["g","1"]'],
          fields: `{"n":"9007199254740993","pad":"${'x'.repeat(pad)}"}`,
        },
      ],
      resets: [{ stream: 'r', reason: 'schema' }],
      members: [{ membership: 'm', user: 'u\n', key: '["u",1]', before: null, after: { match: [1, 'a'], role: null } }],
    };
  });
}

/** Resolves iff what was begun rejects, with this code. */
export async function refused(code: ErrorCode, begun: () => Promise<unknown>): Promise<void> {
  await assert.rejects(begun, (error) => {
    assert.ok(error instanceof RowcastError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

/** Lets everything else that can go on go on, this many times. */
export async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await null;
}

/** Does it after so many ticks: at 0 at once, with nothing in between. */
export function afterTicks<T>(count: number, act: () => Promise<T>): Promise<T> {
  return awaited(count === 0 ? act() : ticks(count - 1).then(act));
}

/** A reader of the same random numbers for the same seed: from 0 to below `below`. */
export function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
