import { expect, test } from 'vitest';
import { positionOf } from '../../core/index.ts';
import { Assembler } from './assembler.ts';
import { BOUNDS } from './bounds.ts';

const READER = { hears: (slot: string) => slot === 'a', tables: [] };
const START = { after: 0n, gap: null, xid: 7n, hear: () => {} };

function committed(assembler: Assembler, ...ends: readonly bigint[]): readonly string[] {
  for (const end of ends) {
    assembler.begin(7);
    assembler.message({ prefix: 'rowcast', content: JSON.stringify({ client: 'c', write: 1 }), at: 1n });
    assembler.commit(end, 0);
  }
  return assembler.take().map(({ position }) => position);
}

test('a commit at or before the place that was read from is not told again', () => {
  const assembler = new Assembler(READER, BOUNDS, { ...START, after: 100n });
  expect(committed(assembler, 50n, 99n, 100n, 101n)).toEqual([positionOf(101n)]);
});

test('a message for the reader of another slot is nothing', () => {
  const assembler = new Assembler(READER, BOUNDS, START);
  assembler.begin(7);
  assembler.message({ prefix: 'rowcast.lost', content: JSON.stringify({ slot: 'b', tables: [] }), at: 1n });
  assembler.commit(10n, 0);
  expect(assembler.take()).toEqual([]);
});
