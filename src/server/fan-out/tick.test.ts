import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delivery } from '../../core/index.ts';
import type { View } from './audience.ts';
import { systemClock } from '../time/clock.ts';
import { consoleLog } from '../operations/console-log.ts';
import { Counts } from '../operations/counts.ts';
import { Outbox } from './outbox.ts';
import { Tick, type Item, type Told } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

// Sharing is an economy, never a difference: what each session gets is what a naive encoder would have made for it alone.

const view = (number: number): View => ({ number, stream: {} as View['stream'], group: null, held: null });
const delivery = (key: number): Delivery => ({ stream: 's', key: String(key), before: null, after: ['g'], fields: `{"n":${key}}` });

/** Counts what it makes. */
class Counting implements Wire<string> {
  made = 0;
  readonly name = 'test';
  readonly resetCloses = null;
  readonly answers = true;
  readonly unasked = false;
  rows(): string {
    return '';
  }
  sizeOf({ length }: string): number {
    return length;
  }
  closeCode(): number {
    return 1000;
  }
  commit(position: string, items: Parameters<Wire<string>['commit']>[1]): string {
    this.made++;
    return `<${position}:${items.map(({ view: of, action, delivery: { key } }) => `${of.number}${action}${key}`).join(',')}>`;
  }
  frame(frame: Parameters<Wire<string>['frame']>[0]): string | null {
    this.made++;
    return frame.type === 'ping' ? null : `<${JSON.stringify(frame)}>`;
  }
  join(parts: readonly string[]): string {
    return parts.join('');
  }
  parse(): never {
    throw new Error('nothing comes in');
  }
}

const parts = {
  clock: systemClock,
  log: consoleLog,
  counts: new Counts(),
  position: () => '',
  behind: () => undefined,
  waits: () => undefined,
};

function session(tick: Tick<string>, wire: Wire<string>): { readonly box: Outbox<string>; readonly writes: string[] } {
  const writes: string[] = [];
  const transport: Transport<string> = {
    write: (text) => writes.push(text) && 0,
    waiting: () => 0,
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  };
  return { box: new Outbox(wire, transport, tick), writes };
}

/** One after another, a commit's items gathered: what a session must get, made for it alone. */
function naive(items: readonly Item[]): string {
  const wire = new Counting();
  const parts: string[] = [];
  for (let from = 0; from < items.length;) {
    const first = items[from] as Item;
    let to = from + 1;
    if ('page' in first) parts.push(wire.rows());
    else if ('past' in first) parts.push(naive(first.past));
    else if (first.position === null) parts.push(wire.frame(first.frame) ?? '');
    else {
      while (items[to]?.position === first.position) to++;
      parts.push(
        wire.commit(
          first.position,
          items.slice(from, to).map((item) => (item as Extract<Item, { change: object }>).change),
        ),
      );
    }
    from = to;
  }
  return parts.join('');
}

const COMMITS = 4;
const PER_COMMIT = 3;
const pool: readonly (readonly Item[])[] = [
  ...Array.from({ length: COMMITS }, (_, commit) =>
    Array.from({ length: PER_COMMIT }, (_, at): Item => {
      const change = {
        view: view(at),
        action: (['create', 'update', 'delete'] as const)[at % 3] as 'create',
        delivery: delivery(commit * 10 + at),
      };
      return { position: String(commit).padStart(16, '0'), change };
    }),
  ),
];
const plain: readonly Item[] = [
  { position: null, frame: { type: 'message', stream: 's', payload: 1 } },
  { position: null, frame: { type: 'ping' } },
  { position: null, past: [...(pool[0] as readonly Told[]).slice(0, 2), (pool[1] as readonly Told[])[1] as Told] },
];

/** For each commit, in order, which of its items each session gets; and now and then a plain frame between two commits. */
const plan = fc.array(
  fc.record({
    gets: fc.array(fc.subarray([0, 1, 2]), { minLength: 6, maxLength: 6 }),
    frame: fc.option(fc.record({ which: fc.constantFrom(0, 1, 2), who: fc.subarray([0, 1, 2, 3, 4, 5]) })),
    flush: fc.boolean(),
  }),
  { maxLength: COMMITS },
);

test('every session gets the bytes that would have been made for it alone, in one write for each flush', () => {
  fc.assert(
    fc.property(plan, (commits) => {
      const wire = new Counting();
      const tick = new Tick(wire, parts);
      const sessions = Array.from({ length: 6 }, () => session(tick, wire));
      const pending = sessions.map((): Item[] => []);
      const expected = sessions.map((): string[] => []);
      const flush = (): void => {
        tick.flush();
        for (const [at, items] of pending.entries()) {
          const text = naive(items);
          if (text !== '') (expected[at] as string[]).push(text);
          items.length = 0;
        }
      };
      const push = (at: number, item: Item): void => {
        (sessions[at] as { box: Outbox<string> }).box.push(item);
        (pending[at] as Item[]).push(item);
      };
      for (const [commit, { gets, frame, flush: now }] of commits.entries()) {
        // As a gateway does it: item by item, each to everybody who gets it.
        for (const [at, item] of (pool[commit] as readonly Item[]).entries()) {
          for (const [who, items] of gets.entries()) if (items.includes(at)) push(who, item);
        }
        if (frame) for (const who of frame.who) push(who, plain[frame.which] as Item);
        if (now) flush();
      }
      flush();
      expect(sessions.map(({ writes }) => writes)).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('what a thousand sessions get alike is made once', () => {
  const wire = new Counting();
  const tick = new Tick(wire, parts);
  const sessions = Array.from({ length: 1_000 }, () => session(tick, wire));
  const [one, two] = pool as readonly [readonly Item[], readonly Item[]];
  for (const item of [...one, ...two]) for (const { box } of sessions) box.push(item);
  tick.flush();
  expect(wire.made).toBe(2);
  expect(new Set(sessions.flatMap(({ writes }) => writes)).size).toBe(1);
});

test('what was missed is made once, for those as well who come for it later', () => {
  const wire = new Counting();
  const tick = new Tick(wire, parts);
  const past: Item = { position: null, past: pool.flat() as readonly Told[] };
  for (let turn = 0; turn < 3; turn++) {
    const { box, writes } = session(tick, wire);
    box.push(past);
    tick.flush();
    expect(writes).toEqual([naive([past])]);
  }
  expect(wire.made).toBe(COMMITS);
});

test('sessions that come to the same by other groups share it, however many roads there are', () => {
  const wire = new Counting();
  const tick = new Tick(wire, parts);
  const sessions = Array.from({ length: 60 }, () => session(tick, wire));
  const [items] = pool as readonly [readonly Item[]];
  for (const [at, item] of items.entries()) for (const [who, { box }] of sessions.entries()) if ((who >> at) & 1) box.push(item);
  tick.flush();
  expect(wire.made).toBe(7); // the seven ways to get some of three
});

test('written in turns, each session gets the same, in order, and no commit in two', () => {
  fc.assert(
    fc.property(plan, fc.array(fc.integer({ min: 1, max: 4 }), { minLength: COMMITS, maxLength: COMMITS }), (commits, turns) => {
      const wire = new Counting();
      const tick = new Tick(wire, parts);
      const sessions = Array.from({ length: 6 }, () => session(tick, wire));
      const told = sessions.map((): Item[] => []);
      for (const [commit, { gets }] of commits.entries()) {
        for (const [at, item] of (pool[commit] as readonly Item[]).entries()) {
          for (const [who, items] of gets.entries()) {
            if (!items.includes(at)) continue;
            (sessions[who] as { box: Outbox<string> }).box.push(item);
            (told[who] as Item[]).push(item);
          }
        }
        tick.flush(turns[commit] as number);
      }
      while (tick.flush(1));
      expect(sessions.map(({ writes }) => writes.join(''))).toEqual(told.map(naive));
    }),
    { numRuns: 2_000 },
  );
});

test('whoever is told something alone is written to before a crowd, which is written to all the same', () => {
  const wire = new Counting();
  const tick = new Tick(wire, parts);
  const crowd = Array.from({ length: 1_000 }, () => session(tick, wire));
  const alone = Array.from({ length: 120 }, () => session(tick, wire));
  const [all, , ...own] = pool.flat() as readonly Item[];
  const written = (sessions: readonly { readonly writes: readonly string[] }[]): number =>
    sessions.filter(({ writes }) => writes.length > 0).length;
  for (const { box } of crowd) box.push(all as Item);
  for (const [at, { box }] of alone.entries()) box.push(own[at % own.length] as Item);
  expect(tick.flush(100)).toBe(true);
  expect([written(alone), written(crowd)]).toEqual([100, 50]);
  expect(tick.flush(100)).toBe(true);
  expect([written(alone), written(crowd)]).toEqual([120, 130]);
  let turns = 0;
  while (tick.flush(100)) turns++;
  expect([written(alone), written(crowd), turns]).toEqual([120, 1_000, 8]);
});

test('one that is written to by itself gets everything once', () => {
  const wire = new Counting();
  const tick = new Tick(wire, parts);
  const [one, other] = [session(tick, wire), session(tick, wire)];
  const [first, second] = pool.map(([item]) => item) as [Item, Item];
  for (const { box } of [one, other]) box.push(first);
  one.box.flush();
  one.box.push(second);
  tick.flush();
  expect(one.writes).toEqual([naive([first]), naive([second])]);
  expect(other.writes).toEqual([naive([first])]);
});
