import { expect, test } from 'vitest';
import { Outcomes } from './outcomes.ts';

const stored = (value: string) => ({ hash: 'h', answer: { ok: true, value } as const });

test('what is kept for who asks again has a bound: in answers, and in what commands said; the oldest go first', () => {
  const many = new Outcomes();
  for (let n = 0; n <= 100_000; n++) many.set(String(n), { hash: 'h', answer: { ok: true, pk: n } });
  expect([many.get('0'), many.get('1')?.answer, many.get('100000')?.answer]).toEqual([
    undefined,
    { ok: true, pk: 1 },
    { ok: true, pk: 100_000 },
  ]);
  const long = new Outcomes();
  const text = 'x'.repeat(4_094); // 4 KiB as JSON, 4,096 of which are 16 MiB
  for (let n = 0; n <= 4_096; n++) long.set(String(n), stored(text));
  expect([long.get('0'), long.get('1')?.answer]).toEqual([undefined, stored(text).answer]);
  long.set('one more', stored('x'));
  expect([long.get('1'), long.get('2')?.answer]).toEqual([undefined, stored(text).answer]);
});

test('answers of no size are not forgotten for the size of others, nor is the last one for its own', () => {
  const outcomes = new Outcomes();
  outcomes.set('plain', { hash: 'h', answer: { ok: true, pk: 1 } });
  for (let n = 0; n < 17; n++) outcomes.set(String(n), stored('x'.repeat(1024 * 1024)));
  expect([outcomes.get('plain')?.answer, outcomes.get('0'), outcomes.get('16')?.hash]).toEqual([{ ok: true, pk: 1 }, undefined, 'h']);
  outcomes.set('long', stored('x'.repeat(17 * 1024 * 1024)));
  expect([outcomes.get('16'), outcomes.get('long')?.hash]).toEqual([undefined, 'h']);
});
