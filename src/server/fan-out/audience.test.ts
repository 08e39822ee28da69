import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import { ColumnGroup, type Delivery, type Stream } from '../../core/index.ts';
import { Audience, type Seat } from './audience.ts';
import { Counts } from '../operations/counts.ts';
import { Outbox } from './outbox.ts';
import { Tick } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

const wire: Wire<unknown> = {
  name: 'test',
  answers: true,
  unasked: false,
  resetCloses: null,
  closeCode: () => 4301,
  commit: () => '',
  rows: () => '',
  frame: () => '',
  join: () => '',
  sizeOf: () => 0,
  parse: () => {
    throw new Error('nothing comes in');
  },
};
const transport = (write: () => void): Transport<unknown> => ({
  write: () => (write(), 0),
  waiting: () => 0,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
});
const clock = new HandClock();
const none = (): void => undefined;
const tick = new Tick(wire, {
  clock,
  log: { info: none, warn: none, error: none },
  counts: new Counts(),
  position: () => '',
  behind: none,
  waits: none,
});

// Few members are looked for, many have a known place: the steps cross from one to the other, and back to nobody.
const step = fc.oneof(
  fc.record({ act: fc.constant('join' as const), who: fc.nat(19) }),
  fc.record({ act: fc.constant('leave' as const), who: fc.nat(19) }),
  fc.record({ act: fc.constant('leave all' as const), who: fc.constant(0) }),
);

test('a group has those who joined and have not left, each once, however many come and go', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const audience = new Audience([], new Map());
      const boxes = Array.from({ length: 20 }, () => new Outbox(wire, transport(none), tick));
      const there = new Set<Outbox<unknown>>();
      for (const { act, who } of steps) {
        const box = boxes[who] as Outbox<unknown>;
        if (act === 'join') {
          audience.join('room', box);
          there.add(box);
        } else {
          for (const each of act === 'leave' ? [box] : boxes) {
            audience.leave('room', each);
            there.delete(each);
          }
        }
        const members = audience.members('room');
        expect(members).toHaveLength(there.size);
        expect(new Set(members)).toEqual(there);
      }
    }),
  );
});

const told = fc.record({ act: fc.constant('tell' as const), who: fc.constant(0) });
const changed: Delivery = { stream: 's', key: '1', before: ['room'], after: ['room'], fields: '{}' };
const stream = { name: 's' } as Stream;

test.each(['a view of the group', 'the view by the groups they hold'])(
  'a change is told to those who have a seat in its group, each once, however many come and go: %s',
  (by) => {
    fc.assert(
      fc.property(fc.array(fc.oneof(step, told), { maxLength: 200, size: 'max' }), (steps) => {
        const audience = new Audience([stream], new Map());
        const base = audience.base('s') as Seat['view'];
        const heard: number[] = [];
        const seats = Array.from({ length: 20 }, (_, who): Seat => {
          const view = by === 'a view of the group' ? audience.view(stream, new ColumnGroup('room', 's', [1])) : base;
          const box = new Outbox(
            wire,
            transport(() => heard.push(who)),
            tick,
          ) as Outbox<unknown>;
          return { view, box, judged: 0, saw: false, sees: false };
        });
        const there = new Set<number>();
        for (const { act, who } of steps) {
          if (act === 'tell') {
            heard.length = 0;
            audience.deliver('1', changed);
            tick.flush();
            expect(heard.toSorted((one, other) => one - other)).toEqual([...there].sort((one, other) => one - other));
          } else if (act === 'join') {
            audience.sit(seats[who] as Seat, ['room']);
            there.add(who);
          } else {
            for (const each of act === 'leave' ? [who] : seats.keys()) {
              audience.rise(seats[each] as Seat, ['room']);
              there.delete(each);
            }
          }
        }
      }),
    );
  },
);
