import assert from 'node:assert/strict';
import { ORIGIN, positionOf, RowcastError, type Entry, type Ledger, type Position } from '../core/index.ts';
import { runLaws, type Laws, type Runner, type Skip } from './runner.ts';

/** A body of the ledger port, put under test. */
export interface LedgerFixture {
  readonly name: string;
  readonly skip: readonly Skip[];
  /** A ledger of its own, empty, whose tail is `start`. */
  open(start: Position): Promise<LedgerWorld>;
}

export interface LedgerWorld {
  readonly ledger: Ledger;
  /** The same ledger as another process has it; the same object where there is but one process. */
  another(): Promise<Ledger>;
  close(): Promise<void>;
}

/** The laws of the ledger port, over one body of it. */
export function ledgerSuite(fixture: LedgerFixture, { describe, test }: Runner): void {
  describe(`${fixture.name}: ledger`, () => {
    runLaws(LAWS, fixture, ({ name, law, skipped }) => {
      if (skipped !== undefined) return test.skip(`${name} [skipped: ${skipped}]`, async () => {});
      return test(name, async () => {
        const world = await fixture.open(ORIGIN);
        try {
          await law(world);
        } finally {
          await world.close();
        }
      });
    });
  });
}

/** `count` entries after `prev`, numbered on from `first`. */
function entries(first: number, count: number, prev: Position = first === 1 ? ORIGIN : positionOf(first - 1)): Entry[] {
  return Array.from({ length: count }, (_, at) => ({
    position: positionOf(first + at),
    prev: at === 0 ? prev : positionOf(first + at - 1),
    xid: String(first + at),
    receipts: [{ client: 'c', write: first + at, answer: { ok: true, pk: first + at } }],
    deliveries: [{ stream: 's', key: `${first + at}`, before: null, after: ['žluť 🐎', '["g","1"]'], fields: '{"n":"9007199254740993"}' }],
    resets: [{ stream: 'r', reason: 'schema' }],
  }));
}

/** Reads until it has this many, then ends. */
async function take(batches: AsyncIterable<readonly Entry[]>, count: number): Promise<readonly Entry[]> {
  const taken: Entry[] = [];
  for await (const batch of batches) {
    taken.push(...batch);
    if (taken.length >= count) break;
  }
  return taken;
}

function conflict(error: unknown): boolean {
  return error instanceof RowcastError && error.code === 'ledger_conflict';
}

const LAWS: Laws<LedgerWorld> = {
  async 'its tail is where it starts, then the last entry it took'({ ledger }) {
    assert.equal(await ledger.tail(), ORIGIN);
    await ledger.append(entries(1, 3));
    assert.equal(await ledger.tail(), positionOf(3));
  },

  async 'a follower gets every entry after its position: whole, once, in order'({ ledger }) {
    const read = take(ledger.follow(ORIGIN, new AbortController().signal), 5);
    await ledger.append(entries(1, 2));
    await ledger.append(entries(3, 3));
    assert.deepEqual(await read, entries(1, 5));
  },

  async 'every follower gets every entry, in another process too'(world) {
    const { signal } = new AbortController();
    const reads = [take(world.ledger.follow(ORIGIN, signal), 4), take((await world.another()).follow(ORIGIN, signal), 4)];
    await world.ledger.append(entries(1, 4));
    for (const read of reads) assert.deepEqual(await read, entries(1, 4));
  },

  async 'what is appended between following and reading is not missed'({ ledger }) {
    const followed = ledger.follow(ORIGIN, new AbortController().signal);
    await ledger.append(entries(1, 2));
    assert.deepEqual(await take(followed, 2), entries(1, 2));
  },

  async 'entries that do not follow the tail are refused, all of them, and change nothing'({ ledger }) {
    await ledger.append(entries(1, 2));
    await assert.rejects(ledger.append(entries(4, 2)), conflict);
    await assert.rejects(ledger.append(entries(1, 2)), conflict);
    const torn = [...entries(3, 1), ...entries(5, 1)];
    await assert.rejects(ledger.append(torn), conflict);
    assert.equal(await ledger.tail(), positionOf(2));
    const read = take(ledger.follow(positionOf(2), new AbortController().signal), 1);
    await ledger.append(entries(3, 1));
    assert.deepEqual(await read, entries(3, 1));
  },

  async 'of two appends to one tail, one is taken'(world) {
    const other = await world.another();
    const outcomes = await Promise.allSettled([world.ledger.append(entries(1, 2)), other.append(entries(1, 3))]);
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal(await world.ledger.tail(), positionOf(outcomes[0].status === 'fulfilled' ? 2 : 3));
  },

  async 'a position that was never its tail cannot be followed from'({ ledger }) {
    await ledger.append(entries(1, 2));
    await assert.rejects(async () => take(ledger.follow(positionOf(77), new AbortController().signal), 1), conflict);
  },

  async 'an abort ends a follower that waits'({ ledger }) {
    const ended = new AbortController();
    const next = ledger.follow(ORIGIN, ended.signal)[Symbol.asyncIterator]().next();
    ended.abort();
    assert.equal((await next).done, true);
  },

  async 'a follower that reads slowly gets everything, however much was appended'({ ledger }) {
    const followed = ledger.follow(ORIGIN, new AbortController().signal);
    const appended = (async () => {
      for (let at = 0; at < 30; at++) await ledger.append(entries(1 + at * 1_000, 1_000));
    })();
    // Time for an append to meet the bound, if the body has one: it must wait there, and not be lost.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const read = await take(followed, 30_000);
    await appended;
    assert.deepEqual(
      read.map(({ position }) => position),
      entries(1, 30_000).map(({ position }) => position),
    );
  },
};
