import { expect, test } from 'vitest';
import { memoryLedger } from '../../memory/index.ts';
import {
  ORIGIN,
  positionOf,
  type ChangeSource,
  type Commit,
  type Entry,
  type Ledger,
  type Position,
  type Routes,
} from '../../core/index.ts';
import { Counts } from '../operations/counts.ts';
import { systemClock } from '../time/clock.ts';
import { Health, relay, type Lead } from './relay.ts';

const nobodys = (number: number): Commit => ({ position: positionOf(number), xid: null, receipts: [], changes: [], lost: [] });
const somebodys = (number: number): Commit => ({ ...nobodys(number), receipts: [{ client: 'c', write: number }] });
const routes: Routes = { streams: new Map(), members: new Map() };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log of these batches, which then waits. */
function sourceOf(...batches: readonly (readonly Commit[])[]): Pick<ChangeSource, 'read' | 'acknowledge' | 'floor'> & {
  readonly acknowledged: Position[];
  readonly from: Position[];
} {
  const acknowledged: Position[] = [];
  const from: Position[] = [];
  return {
    acknowledged,
    from,
    floor: () => Promise.resolve({ position: ORIGIN, reason: 'retention' }),
    acknowledge: (position) => void acknowledged.push(position),
    async *read(after, signal) {
      from.push(after);
      yield* batches;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
}

async function run(source: ReturnType<typeof sourceOf>, ledger: Ledger, lead: Lead | null, until: () => boolean): Promise<void> {
  const stop = new AbortController();
  const parts = {
    source: source as unknown as ChangeSource,
    ledger,
    routes,
    clock: systemClock,
    log,
    health: new Health(),
    counts: new Counts(),
  };
  const running = relay(parts, stop.signal, lead);
  running.catch(() => stop.abort());
  while (!until() && !stop.signal.aborted) await new Promise<void>((resolve) => setImmediate(resolve));
  stop.abort();
  await running;
}

function leadOf(least: number, limit: number): Lead & { readonly told: [Position, boolean][] } {
  const told: [Position, boolean][] = [];
  return { least, limit, version: 'v', versions: { posts: 'f' }, told, held: (tail, more) => void told.push([tail, more]) };
}

async function entriesOf(ledger: Ledger): Promise<readonly Entry[]> {
  const tail = await ledger.tail();
  const entries: Entry[] = [];
  if (tail === ORIGIN) return entries;
  for await (const batch of ledger.follow(ORIGIN, new AbortController().signal)) {
    entries.push(...batch);
    if (entries.at(-1)?.position === tail) break;
  }
  return entries;
}

test('a ledger of its own holds what concerns somebody, and all that was read is acknowledged', async () => {
  const ledger = memoryLedger(ORIGIN);
  const source = sourceOf([nobodys(1), somebodys(2), nobodys(3)]);
  await run(source, ledger, null, () => source.acknowledged.length > 0);
  expect((await entriesOf(ledger)).map(({ position, version }) => [position, version])).toEqual([[positionOf(2), undefined]]);
  expect(source.acknowledged).toEqual([positionOf(3)]);
});

test('the first commit that a leader reads is an entry and says by what it is routed; what is in no entry is not acknowledged', async () => {
  const ledger = memoryLedger(ORIGIN);
  const source = sourceOf([nobodys(1), nobodys(2)], [somebodys(3)], [nobodys(4)]);
  const lead = leadOf(7_000_000, 8_000_000);
  await run(source, ledger, lead, () => source.acknowledged.length === 3);
  expect((await entriesOf(ledger)).map(({ position, version, versions }) => [position, version, versions])).toEqual([
    [positionOf(1), 'v', { posts: 'f' }],
    [positionOf(3), 'v', undefined],
  ]);
  expect(source.acknowledged).toEqual([positionOf(1), positionOf(3), positionOf(3)]);
  expect(lead.told).toEqual([
    [ORIGIN, false],
    [positionOf(1), true],
    [positionOf(3), false],
    [positionOf(3), true],
  ]);
});

test('a leader reads from where the ledger ends, which another may have written', async () => {
  const ledger = memoryLedger(ORIGIN);
  const first = sourceOf([somebodys(5)]);
  await run(first, ledger, leadOf(1_000_000, 2_000_000), () => first.acknowledged.length > 0);
  const second = sourceOf([somebodys(5), somebodys(6)]);
  await run(second, ledger, leadOf(2_000_000, 3_000_000), () => second.acknowledged.length > 0);
  expect(second.from).toEqual([positionOf(5)]);
  expect((await entriesOf(ledger)).map(({ position }) => position)).toEqual([positionOf(5), positionOf(6)]);
});

test('who finds that somebody leads under a later lease appends nothing', async () => {
  const ledger = memoryLedger(ORIGIN);
  await ledger.lead(5_000_000);
  const source = sourceOf([somebodys(1)]);
  await expect(run(source, ledger, leadOf(4_000_000, 5_000_000), () => false)).rejects.toMatchObject({ code: 'ledger_fenced' });
  expect(await ledger.tail()).toBe(ORIGIN);
});

test('a ledger that is lost ends the reading of who shares it: whoever leads then begins at its tail', async () => {
  const kept = memoryLedger(ORIGIN);
  const lost: Ledger = {
    ...kept,
    tail: () => kept.tail(),
    lead: (least) => kept.lead(least),
    append: () => kept.append([{ ...nothing, prev: positionOf(9) }], 1_000_000),
  };
  const source = sourceOf([somebodys(1)]);
  await expect(run(source, lost, leadOf(1_000_000, 2_000_000), () => false)).rejects.toMatchObject({ code: 'ledger_conflict' });
  expect(source.acknowledged).toEqual([]);
});

const nothing: Entry = { position: positionOf(10), prev: ORIGIN, xid: null, receipts: [], deliveries: [], resets: [], members: [] };

test('who is told that it leads when it has been ended meanwhile does not lead, and reads nothing', async () => {
  const kept = memoryLedger(ORIGIN);
  let answer = (): void => undefined;
  const slow: Ledger = {
    ...kept,
    tail: () => kept.tail(),
    lead: async (least) => {
      await new Promise<void>((resolve) => (answer = resolve));
      return kept.lead(least);
    },
  };
  const source = sourceOf([somebodys(1)]);
  const stop = new AbortController();
  const counts = new Counts();
  const parts = { source: source as unknown as ChangeSource, ledger: slow, routes, clock: systemClock, log, health: new Health(), counts };
  const running = relay(parts, stop.signal, leadOf(1_000_000, 2_000_000));
  await new Promise<void>((resolve) => setImmediate(resolve));
  stop.abort();
  answer();
  await running;
  expect([counts.leads, counts.term, source.from]).toEqual([false, 0, []]);
});
