import { expect, test } from 'vitest';
import { positionOf, type Position } from '../../core/index.ts';
import { HandClock } from '../../../test/support/clock.ts';
import { Counts } from '../operations/counts.ts';
import { MAX_UNREPORTED, MAX_WAITING, MOST_WAITING, Outbox } from './outbox.ts';
import { Tick, type Item } from './tick.ts';
import type { Transport, Wire } from './wire.ts';

const wire: Wire<string> = {
  name: 'test',
  answers: true,
  unasked: false,
  resetCloses: null,
  closeCode: () => 4301,
  commit: (position) => `commit ${position}`,
  rows: () => 'rows',
  frame: (frame) => {
    if (frame.type === 'message' && frame.payload === 'poison') throw new Error('on purpose');
    return frame.type === 'message' ? String(frame.payload) : JSON.stringify(frame);
  },
  join: (parts) => parts.join(),
  sizeOf: ({ length }) => length,
  parse: () => {
    throw new Error('nothing comes in');
  },
};
const message = (payload: string): Item => ({ position: null, frame: { type: 'message', stream: null, payload } });
const commit = (position: Position): Item => ({ position, change: { view: {}, action: 'delete', delivery: { fields: '{}' } } as never });

function served() {
  const clock = new HandClock();
  const logged: string[] = [];
  const note = (_about: object, text: string): void => void logged.push(text);
  const behind = new Set<Outbox<unknown>>();
  let at = positionOf(1);
  const tick = new Tick(wire, {
    clock,
    log: { info: note, warn: note, error: note },
    counts: new Counts(),
    position: () => at,
    behind: (box) => behind.add(box),
    waits: () => undefined,
  });
  const connect = () => {
    const state = { waiting: 0, takes: true, written: [] as string[], closed: null as number | null };
    const transport: Transport<string> = {
      write(text) {
        const { waiting } = state;
        if (!state.takes) state.waiting += text.length;
        state.written.push(text);
        return waiting;
      },
      waiting: () => state.waiting,
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
  const pass = ({ box }: { box: Outbox<string> }, number: number): void => {
    at = positionOf(number);
    box.push(commit(at));
    tick.flush();
  };
  return { clock, logged, tick, connect, write, pass, behind };
}

test('a connection that is behind gets no commits until it has caught up, remembers how far it is, and is not closed', () => {
  const { connect, pass, write, behind } = served();
  const one = connect();
  pass(one, 2);
  one.state.waiting = MAX_WAITING + 1;
  pass(one, 3);
  expect(one.box.behind).toBe(positionOf(3));
  expect(behind.has(one.box as Outbox<unknown>)).toBe(true);
  pass(one, 4);
  write(one, 'an answer');
  expect(one.state.written).toEqual([`commit ${positionOf(2)}`, `commit ${positionOf(3)}`, 'an answer']);
  expect(one.box.roomy).toBe(false);
  one.state.waiting = 0;
  expect(one.box.roomy).toBe(true);
  one.box.caughtUp();
  pass(one, 5);
  expect(one.state.written.at(-1)).toBe(`commit ${positionOf(5)}`);
  expect(one.state.closed).toBeNull();
});

test('a client that reports what it took in is behind once it has not for a megabyte, whatever its socket says', () => {
  const { connect, write } = served();
  const [one, silent] = [connect(), connect()];
  const part = 'x'.repeat(262_144);
  write(one, part);
  const mark = (JSON.parse(one.state.written.at(-1) as string) as { mark: number }).mark;
  one.box.reported(mark);
  for (let written = 0; written <= MAX_UNREPORTED; written += part.length) {
    expect(one.box.behind).toBeNull();
    write(one, part);
    write(silent, part);
  }
  expect(one.box.behind).not.toBeNull();
  expect(silent.box.behind).toBeNull(); // it never reported: it is not held to it
  expect(one.box.roomy).toBe(false);
  one.box.reported(Number.MAX_SAFE_INTEGER); // a mark that was never given
  expect(one.box.roomy).toBe(false);
  one.box.reported((JSON.parse(one.state.written.at(-1) as string) as { mark: number }).mark);
  expect(one.box.roomy).toBe(true);
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

test('what was told at one stroke puts it behind at once, and is no reason to close it', () => {
  const { connect, write, pass } = served();
  const one = connect();
  const much = 'x'.repeat(MOST_WAITING + 1_000_000);
  write(one, much); // and the socket takes all of it
  expect(one.box.behind).toBeNull();
  one.state.takes = false;
  write(one, much);
  one.state.takes = true;
  expect(one.box.behind).toBe(positionOf(1));
  pass(one, 2);
  write(one, 'an answer');
  expect(one.state.written.filter((text) => text.startsWith('commit'))).toEqual([]);
  expect(one.state.closed).toBeNull();
  one.state.waiting = much.length + MOST_WAITING; // messages, beside it
  write(one, 'an answer');
  expect(one.state.closed).toBeNull();
  one.state.waiting += 1;
  write(one, 'an answer');
  expect(one.state.closed).toBe(4301);
});

test('how long nothing was taken is counted from the last time that something was', () => {
  const { connect } = served();
  const { box, state } = connect();
  state.waiting = 1_000;
  expect(box.stuckFor(10)).toBe(0);
  expect(box.stuckFor(40)).toBe(30);
  state.waiting = 999;
  expect(box.stuckFor(50)).toBe(0);
  state.waiting = 2_000; // more waits, and none was taken
  expect(box.stuckFor(90)).toBe(40);
});

test('a wire that throws closes the connections it threw for, and the others get theirs', () => {
  const { connect, tick, logged } = served();
  const [one, two, three] = [connect(), connect(), connect()];
  one.box.push(message('x'));
  two.box.push(message('poison'));
  three.box.push(message('x'));
  tick.flush();
  expect([one, two, three].map(({ state }) => [state.written.length, state.closed])).toEqual([
    [1, null],
    [0, 4301],
    [1, null],
  ]);
  expect(logged).toHaveLength(1);
});
