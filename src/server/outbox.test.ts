import { expect, test } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { MAX_WAITING, MOST_WAITING, Outbox } from './outbox.ts';
import { Tick, type Item } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

const wire: Wire<string> = {
  name: 'test',
  answers: true,
  resetCloses: null,
  closeCode: () => 4301,
  commit: () => 'commit',
  frame: (frame) => {
    if (frame.type === 'message' && frame.payload === 'poison') throw new Error('on purpose');
    return frame.type;
  },
  join: (parts) => parts.join(),
  parse: () => {
    throw new Error('nothing comes in');
  },
};
const message = (payload: string): Item => ({ position: null, frame: { type: 'message', stream: null, payload } });

function served() {
  const clock = new HandClock();
  const logged: string[] = [];
  const note = (_about: object, text: string): void => void logged.push(text);
  const tick = new Tick(wire, { clock, log: { info: note, warn: note, error: note } });
  const connect = () => {
    const state = { waiting: 0, writes: 0, closed: null as number | null };
    const transport: Transport<string> = {
      write: () => (state.writes++, state.waiting),
      pause: () => undefined,
      resume: () => undefined,
      close: (code) => void (state.closed = code),
    };
    return { state, box: new Outbox(wire, transport, tick) };
  };
  const write = ({ box }: { box: Outbox<string> }, payload = 'x'): void => {
    box.push(message(payload));
    tick.flush();
  };
  return { clock, logged, tick, connect, write };
}

test('a reader for whom a big commit is on the way is not too slow; one who does not catch up is', async () => {
  const { clock, connect, write } = served();
  const one = connect();
  one.state.waiting = 8 * MAX_WAITING;
  write(one);
  await clock.pass(4_000);
  write(one);
  expect(one.state.closed).toBeNull();
  one.state.waiting = 0;
  write(one); // caught up: patience begins anew
  one.state.waiting = 2 * MAX_WAITING;
  write(one);
  await clock.pass(5_001);
  write(one);
  expect(one.state.closed).toBe(4301);
});

test('what waits for one socket has a bound at any moment', () => {
  const { connect, write } = served();
  const one = connect();
  one.state.waiting = MOST_WAITING;
  write(one);
  expect(one.state.closed).toBeNull();
  one.state.waiting = MOST_WAITING + 1;
  write(one);
  expect(one.state.closed).toBe(4301);
});

test('a wire that throws closes the connections it threw for, and the others get theirs', () => {
  const { connect, tick, logged } = served();
  const [one, two, three] = [connect(), connect(), connect()];
  one.box.push(message('x'));
  two.box.push(message('poison'));
  three.box.push(message('x'));
  tick.flush();
  expect([one, two, three].map(({ state }) => [state.writes, state.closed])).toEqual([
    [1, null],
    [0, 4301],
    [1, null],
  ]);
  expect(logged).toHaveLength(1);
});
