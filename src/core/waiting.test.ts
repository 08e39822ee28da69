import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { pause, Waker } from './waiting.ts';

/** A clock that a test holds: `fire` is the time that everybody waits for. */
function held(): { after(ms: number, fire: () => void): { cancel(): void }; fire(): void; readonly waiting: number } {
  const timers = new Set<() => void>();
  return {
    after(_ms, fire) {
      timers.add(fire);
      return { cancel: () => timers.delete(fire) };
    },
    fire() {
      for (const fire of [...timers]) {
        timers.delete(fire);
        fire();
      }
    },
    get waiting() {
      return timers.size;
    },
  };
}

test('a pause ends with its time, or with the signal, and leaves neither a timer nor a listener', async () => {
  const clock = held();
  for (const end of ['time', 'signal']) {
    const ending = new AbortController();
    const pausing = pause(clock, 1_000, ending.signal);
    if (end === 'time') clock.fire();
    else ending.abort();
    await pausing;
    expect([clock.waiting, getEventListeners(ending.signal, 'abort').length], end).toEqual([0, 0]);
  }
});

test('nobody pauses whose signal has aborted before', async () => {
  const clock = held();
  await pause(clock, 1_000, AbortSignal.abort());
  expect(clock.waiting).toBe(0);
});

test('no wake-up is lost: one that comes while nobody sleeps ends the next sleep, and that one alone', async () => {
  const clock = held();
  const waker = new Waker(clock);
  waker.wake();
  expect(await waker.sleep(1_000)).toBe(true);
  const sleeping = waker.sleep(1_000);
  clock.fire();
  expect(await sleeping).toBe(false);
  const woken = waker.sleep(1_000);
  waker.wake();
  expect([await woken, clock.waiting]).toEqual([true, 0]);
});
