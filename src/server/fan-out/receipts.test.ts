import { expect, test } from 'vitest';
import type { Answer, Clock } from '../../core/index.ts';
import type { Outbox } from './outbox.ts';
import { Receipts } from './receipts.ts';

class Hand implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly fire: () => void }[] = [];
  now(): number {
    return this.#now;
  }
  time(): number {
    return this.#now;
  }
  soon(fire: () => void): void {
    this.after(0, fire);
  }
  id(): string {
    return 'id';
  }
  after(ms: number, fire: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, fire };
    this.#timers.push(timer);
    return { cancel: () => void this.#timers.splice(this.#timers.indexOf(timer), 1) };
  }
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      this.#now = due.at;
      due.fire();
    }
    this.#now = end;
  }
}

const OK: Answer = { ok: true, pk: 7 };
const POSITION = '0000000000000001';
const receipt = { client: 'client', write: 3 };
const ASKED = { id: 3 };

function made() {
  const clock = new Hand();
  const sent: unknown[] = [];
  let flushes = 0;
  const box = { send: (frame: unknown) => sent.push(frame) } as unknown as Outbox<unknown>;
  return { clock, sent, box, receipts: new Receipts(clock, () => flushes++), flushes: () => flushes };
}

test('an answer waits for the log, and goes out with the position', () => {
  const { receipts, box, sent } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), OK, true);
  expect(sent).toEqual([]);
  receipts.arrived(receipt, POSITION);
  expect(sent).toEqual([{ type: 'result', id: 3, ok: true, pk: 7, position: POSITION }]);
  expect(receipts.size).toBe(0);
});

test('the log may be first: the answer it carries goes out, and the database’s own is not said again', () => {
  const { receipts, box, sent } = made();
  const expected = receipts.expect(receipt, box, ASKED);
  receipts.arrived({ ...receipt, answer: OK }, POSITION);
  receipts.answered(expected, OK, true);
  expect(sent).toEqual([{ type: 'result', id: 3, ok: true, pk: 7, position: POSITION }]);
});

test.each([false, true])('a refusal goes out at once, whether it left a receipt (%s) or not', (logged) => {
  const { receipts, box, sent, flushes } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), { ok: false, code: 'forbidden', message: 'no' }, logged);
  expect(sent).toEqual([{ type: 'result', id: 3, ok: false, code: 'forbidden', message: 'no' }]);
  receipts.arrived(receipt, POSITION);
  expect(sent).toHaveLength(1);
  expect(flushes()).toBe(1);
});

test.each([
  [1_999, 0],
  [2_250, 1],
])('after %i ms without the log, %i answers have gone out without a position, and `seen` follows', (ms, count) => {
  const { receipts, box, sent, clock } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), OK, true);
  clock.pass(ms);
  expect(sent).toHaveLength(count);
  if (count === 0) return;
  expect(sent).toEqual([{ type: 'result', id: 3, ok: true, pk: 7 }]);
  receipts.arrived(receipt, POSITION);
  receipts.arrived(receipt, POSITION);
  expect(sent.slice(1)).toEqual([{ type: 'seen', id: 3, position: POSITION }]);
});

test('a write still in the database is not answered, however long it takes', () => {
  const { receipts, box, sent, clock } = made();
  const expected = receipts.expect(receipt, box, ASKED);
  clock.pass(60_000);
  expect(sent).toEqual([]);
  receipts.answered(expected, OK, true);
  receipts.arrived(receipt, POSITION);
  expect(sent).toHaveLength(1);
});

test('a write asked again before the log came back is answered both times', () => {
  const { receipts, box, sent } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), OK, true);
  receipts.answered(receipts.expect(receipt, box, ASKED), { ok: false, code: 'key_reused', message: 'no' }, false);
  receipts.arrived(receipt, POSITION);
  expect(sent).toEqual([
    { type: 'result', id: 3, ok: true, pk: 7 },
    { type: 'result', id: 3, ok: false, code: 'key_reused', message: 'no' },
  ]);
});

test('a session that is gone gets nothing, and nothing of it stays', () => {
  const { receipts, box, sent, clock } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), OK, true);
  receipts.forget(box);
  receipts.arrived(receipt, POSITION);
  clock.pass(10_000);
  expect([sent, receipts.size]).toEqual([[], 0]);
});

test('a client that came back is answered, though its earlier connection is still at the same write', () => {
  const { receipts, box, sent } = made();
  const told: unknown[] = [];
  const lost = { send: (frame: unknown) => told.push(frame) } as unknown as Outbox<unknown>;
  const again = receipts.expect(receipt, box, ASKED);
  // The earlier connection had the frame all the while, and comes to it only now.
  const first = receipts.expect(receipt, lost, ASKED);
  receipts.arrived({ ...receipt, answer: OK }, POSITION);
  receipts.answered(first, OK, true);
  receipts.answered(again, OK, true);
  expect(sent).toEqual([{ type: 'result', id: 3, ok: true, pk: 7, position: POSITION }]);
  expect(told).toEqual(sent);
  expect(receipts.size).toBe(0);
});

test('a receipt of another process is nothing here', () => {
  const { receipts, sent } = made();
  receipts.arrived({ ...receipt, answer: OK }, POSITION);
  expect(sent).toEqual([]);
});

test('what was asked in the name of another client is answered in that name, seen included', () => {
  const { receipts, box, sent, clock } = made();
  const asked = { id: 3, client: 'a-closed-page' };
  receipts.answered(receipts.expect(receipt, box, asked), OK, true);
  receipts.arrived(receipt, POSITION);
  receipts.answered(receipts.expect(receipt, box, asked), OK, true);
  clock.pass(3_000);
  receipts.arrived(receipt, POSITION);
  receipts.answered(receipts.expect(receipt, box, asked), { ok: false, code: 'conflict', message: 'no', row: { n: 1 }, at: 2 }, true);
  expect(sent).toEqual([
    { type: 'result', id: 3, client: 'a-closed-page', ok: true, pk: 7, position: POSITION },
    { type: 'result', id: 3, client: 'a-closed-page', ok: true, pk: 7 },
    { type: 'seen', id: 3, client: 'a-closed-page', position: POSITION },
    { type: 'result', id: 3, client: 'a-closed-page', ok: false, code: 'conflict', message: 'no', row: { n: 1 }, at: 2 },
  ]);
});

test('the same, asked in two names over one connection, is answered in both', () => {
  const { receipts, box, sent } = made();
  receipts.expect(receipt, box, ASKED);
  receipts.expect(receipt, box, { id: 3, client: 'its-own-name' });
  receipts.arrived({ ...receipt, answer: OK }, POSITION);
  expect(sent).toEqual([
    { type: 'result', id: 3, ok: true, pk: 7, position: POSITION },
    { type: 'result', id: 3, client: 'its-own-name', ok: true, pk: 7, position: POSITION },
  ]);
});

test('a receipt that the app left is seen by every connection of that name, and by none that has gone', () => {
  const { receipts, box, sent } = made();
  const [others, strangers]: [unknown[], unknown[]] = [[], []];
  const other = { send: (frame: unknown) => others.push(frame) } as unknown as Outbox<unknown>;
  receipts.listen('app of one', box);
  receipts.listen('app of one', other);
  receipts.listen('app of two', { send: (frame: unknown) => strangers.push(frame) } as unknown as Outbox<unknown>);
  expect([...receipts.arrived({ client: 'app of one', write: 4 }, POSITION)]).toEqual([box, other]);
  receipts.forget(other);
  expect([...receipts.arrived({ client: 'app of one', write: 5 }, POSITION)]).toEqual([box]);
  expect([...receipts.arrived({ client: 'nobody', write: 5 }, POSITION)]).toEqual([]);
  expect(others).toEqual([{ type: 'seen', id: 4, position: POSITION }]);
  expect(sent).toEqual([4, 5].map((id) => ({ type: 'seen', id, position: POSITION })));
  expect(strangers).toEqual([]);
});

test('an answer that the log brings is not that of another write under the same id', () => {
  const { receipts, box, sent } = made();
  const expected = receipts.expect({ ...receipt, hash: 'one' }, box, ASKED);
  receipts.arrived({ ...receipt, hash: 'other', answer: OK }, POSITION);
  expect(sent).toEqual([]);
  receipts.answered(expected, { ok: false, code: 'key_reused', message: 'no' }, false);
  expect(sent).toEqual([{ type: 'result', id: 3, ok: false, code: 'key_reused', message: 'no' }]);
});

test('`seen` follows however long the log is away: nothing else would ever take from a page what it lays over its rows', () => {
  const { receipts, box, sent, clock } = made();
  receipts.answered(receipts.expect(receipt, box, ASKED), OK, true);
  clock.pass(3_600_000);
  receipts.arrived(receipt, POSITION);
  expect(sent).toEqual([
    { type: 'result', id: 3, ok: true, pk: 7 },
    { type: 'seen', id: 3, position: POSITION },
  ]);
  expect(receipts.size).toBe(0);
});

test('so many may wait for the log, and no more: the connections of those that have waited longest come back', () => {
  const { receipts, clock } = made();
  const ended: number[] = [];
  for (let each = 0; each <= 10_000; each++) {
    const box = { send: () => undefined, end: () => void ended.push(each) } as unknown as Outbox<unknown>;
    receipts.answered(receipts.expect({ client: `c${each}`, write: 1 }, box, ASKED), OK, true);
  }
  expect(receipts.size).toBe(10_001);
  clock.pass(10_000);
  expect(ended).toEqual([0]);
  expect(receipts.size).toBe(10_000);
});
