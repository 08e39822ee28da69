import { expect, test } from 'vitest';
import { positionOf } from '../../core/index.ts';
import { Assembler } from './assembler.ts';
import { BOUNDS } from './bounds.ts';

const READER = { slot: 'a', tables: [] };

function committed(assembler: Assembler, ...ends: readonly bigint[]): readonly string[] {
  for (const end of ends) {
    assembler.begin(7);
    assembler.message('rowcast', JSON.stringify({ client: 'c', write: 1 }));
    assembler.commit(end, 0);
  }
  return assembler.take().map(({ position }) => position);
}

test('a commit at or before the place that was read from is not told again', () => {
  const assembler = new Assembler(READER, BOUNDS, { after: 100n, gap: null, xid: 7n });
  expect(committed(assembler, 50n, 99n, 100n, 101n)).toEqual([positionOf(101n)]);
});

test('a message for the reader of another slot is nothing', () => {
  const assembler = new Assembler(READER, BOUNDS, { after: 0n, gap: null, xid: 7n });
  assembler.begin(7);
  assembler.message('rowcast.lost', JSON.stringify({ slot: 'b', tables: [] }));
  assembler.commit(10n, 0);
  expect(assembler.take()).toEqual([]);
});
