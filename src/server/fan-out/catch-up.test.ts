import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positionOf, type Clock, type Entry } from '../../core/index.ts';
import type { View } from './audience.ts';
import { CatchUps } from './catch-up.ts';
import { Window } from '../window/window.ts';

const BOUNDS = { entries: 100_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };

class HeldClock implements Clock {
  readonly #timers: { readonly at: number; fire(): void }[] = [];
  #now = 0;
  now = (): number => this.#now;
  time = (): number => this.#now;
  id = (): string => 'id';
  soon(fire: () => void): void {
    fire();
  }
  after(ms: number, fire: () => void): { cancel(): void } {
    this.#timers.push({ at: this.#now + ms, fire });
    return { cancel: () => undefined };
  }
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers.splice(0)) {
      if (timer.at <= this.#now) timer.fire();
      else this.#timers.push(timer);
    }
  }
}

const view = (group: string | null): View => ({ number: 1, stream: { name: 's' } as View['stream'], group, held: null });
const holding = (groups: readonly string[]): ReadonlyMap<string, string> => new Map(groups.map((group) => [group, group]));

interface Happened {
  readonly key: number;
  readonly before: readonly string[] | null;
  readonly after: readonly string[] | null;
}

function entry(at: number, { key, before, after }: Happened): Entry {
  const delivery = { stream: 's', key: String(key), before, after, fields: `{"at":${at}}` };
  return { position: positionOf(at), prev: positionOf(at - 1), xid: null, receipts: [], deliveries: [delivery], resets: [], members: [] };
}

const some = fc.option(fc.subarray(['a', 'b', 'c']));
const history = fc.array(fc.record({ key: fc.nat(3), before: some, after: some }), { maxLength: 12 });
const comes = fc.array(fc.record({ after: fc.nat(12), groups: fc.subarray(['a', 'b', 'c'], { minLength: 1 }), one: fc.boolean() }));

test('what was put together for others is what would have been put together for each alone, whenever they come', () => {
  fc.assert(
    fc.property(history, history, comes, (first, more, who) => {
      const clock = new HeldClock();
      const window = new Window(BOUNDS, clock);
      window.begin(positionOf(0), 'retention');
      const shared = new CatchUps(window, clock);
      const views = new Map([null, 'a', 'b', 'c'].map((group) => [group, view(group)]));
      let at = 0;
      for (const happened of [first, more]) {
        for (const each of happened) window.push(entry(++at, each));
        for (const { after, groups, one } of who) {
          const [only = 'a'] = groups;
          const of = views.get(one ? only : null) as View;
          const held = holding(one ? [only] : groups);
          expect(shared.since(positionOf(after), of, held)).toEqual(new CatchUps(window, clock).since(positionOf(after), of, held));
        }
      }
    }),
  );
});

test('those who missed the same are told by one and the same item, for five seconds', () => {
  const clock = new HeldClock();
  const window = new Window(BOUNDS, clock);
  window.begin(positionOf(0), 'retention');
  for (let at = 1; at <= 20; at++) window.push(entry(at, { key: at, before: null, after: [at % 2 === 0 ? 'a' : 'b'] }));
  const catchUps = new CatchUps(window, clock);
  const seen = view('a');
  const item = (after: number): unknown => catchUps.since(positionOf(after), seen, holding(['a'])).told?.item;
  const made = item(7);
  expect(made).not.toBeNull();
  expect(item(6)).toBe(made); // nothing of the view was at 7
  expect(item(8)).not.toBe(made);
  window.push(entry(21, { key: 21, before: null, after: ['b'] }));
  expect(item(7)).toBe(made);
  clock.pass(5_000);
  expect(item(7)).not.toBe(made);
  expect(item(7)).toEqual(made);
});
