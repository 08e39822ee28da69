import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import { memoryBus, memoryLease, memoryLedger } from '../../memory/index.ts';
import { ORIGIN, positionOf, type Bus, type ChangeSource, type Clock, type Lease, type Ledger } from '../../core/index.ts';
import { Counts } from '../operations/counts.ts';
import { systemClock } from '../time/clock.ts';
import { Leading, type Beat } from './leading.ts';
import { Health } from './relay.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** A log in which nothing happens but marks. */
const source = (marked: () => void) =>
  ({
    floor: () => Promise.resolve({ position: ORIGIN, reason: 'retention' }),
    acknowledge: () => undefined,
    mark: () => Promise.resolve(marked()),
    async *read(_after: string, signal: AbortSignal) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      yield* [];
    },
  }) as unknown as ChangeSource;

interface Shared {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly bus: Bus;
}

const sharing = (): Shared => ({ ledger: memoryLedger(ORIGIN), lease: memoryLease(systemClock), bus: memoryBus() });

function process({ ledger, lease, bus }: Shared, clock: Clock = systemClock) {
  const heard: Beat[] = [];
  let marks = 0;
  const counts = new Counts();
  const parts = {
    source: source(() => marks++),
    ledger,
    routes: { streams: new Map(), members: new Map() },
    clock,
    log,
    health: new Health(),
    counts,
  };
  const own = { version: 'v', versions: { posts: 'f' } };
  const leading = new Leading({ relay: parts, lease, bus, own, heard: (beat) => void heard.push(beat) });
  const stop = new AbortController();
  const running = leading.run(stop.signal);
  return {
    leading,
    heard,
    leads: () => counts.leads,
    marks: () => marks,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setTimeout(resolve, 5));
}

test('who has given the lead away goes on hearing who has it, for as long as it has clients', async () => {
  const all = sharing();
  const first = process(all);
  await until(() => first.heard.length > 0); // itself
  const [{ term }] = first.heard as [Beat];
  const second = process(all);
  first.leading.resign();
  await until(() => (first.heard.at(-1) as Beat).term > term);
  expect([first.leads(), second.leads()]).toEqual([false, true]);
  await first.stop();
  const heard = first.heard.length;
  const told = second.heard.length;
  await until(() => second.heard.length > told);
  expect(first.heard).toHaveLength(heard); // and nothing once it has ended
  await second.stop();
});

test.each([
  [0, 0],
  [50, 1],
])('a ledger that was at %i and ends at 0, in a log in which nothing happens, is brought further by %i mark', async (was, marks) => {
  const clock = new HandClock();
  const all = { ...sharing(), lease: memoryLease(clock) };
  const next = process(all, clock);
  // Of one that led before, and whose ledger has been lost since.
  const said = { says: 'leads', term: 1, tail: positionOf(was), stale: 0, version: 'v', versions: {} };
  await all.bus.send({ group: '\u0000leading', stream: null, payload: said, except: null });
  await clock.pass(9_000);
  expect([next.leads(), next.marks()]).toEqual([true, marks]);
  const stopped = next.stop();
  await clock.pass(5_000);
  await stopped;
});
