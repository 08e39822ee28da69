import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Audience } from './audience.ts';
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
const transport: Transport<unknown> = {
  write: () => 0,
  waiting: () => 0,
  pause: () => undefined,
  resume: () => undefined,
  close: () => undefined,
};
const clock = new HandClock();
const none = (): void => undefined;
const tick = new Tick(wire, { clock, log: { info: none, warn: none, error: none }, position: () => '', behind: none, waits: none });

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
      const boxes = Array.from({ length: 20 }, () => new Outbox(wire, transport, tick));
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
