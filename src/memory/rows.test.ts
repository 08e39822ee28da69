import { expect, test } from 'vitest';
import type { Image, LogValue, OpenDatabase, Row, Selection, Table } from '../core/index.ts';
import { positionOf } from '../core/index.ts';
import { rowWrite } from '../testing/store-write.ts';
import { boundOf, openOf } from '../../test/testing/in-memory.ts';

type Shape = Table['columns'][number]['shape'];

async function keyed(shape: Shape, values: readonly unknown[]): Promise<{ open: OpenDatabase; table: Table }> {
  const { open, table } = await openOf(boundOf('keyed', { k: shape, n: 'number' }, ['k']));
  await open.source.publish(
    values.map((k, n) => ({ table, before: null, after: { k, n } })),
    { client: 'c', write: 1 },
  );
  return { open, table };
}

async function read(open: OpenDatabase, table: Table, selection: Selection = { by: 'all' }): Promise<readonly Image[]> {
  const images: Image[] = [];
  const { pages } = await open.rows.read(table, selection, { signal: new AbortController().signal, page: 2 });
  for await (const { rows } of pages) images.push(...rows);
  return images;
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Values in their order. */
const ORDERED: readonly (readonly [Shape, readonly unknown[]])[] = [
  ['number', [-1e300, -10, -9, 0, 0.5, 9, 10, 1e300]],
  ['bigint', [-(2n ** 70n), -1n, 0n, 9n, 10n, 2n ** 53n, 2n ** 53n + 1n]],
  ['string', ['', ' ', '10', '9', 'A', 'B', 'a', 'aa', 'b', 'ž']],
  ['boolean', [false, true]],
  ['date', [new Date(-1), new Date(0), new Date(999), new Date(1_000)]],
  ['bytes', [bytes(), bytes(0), bytes(0, 1), bytes(1), bytes(255)]],
];

test.each(ORDERED)('keys that code has as %s are in their order, and each is found by its value alone', async (shape, values) => {
  const written = values.toReversed();
  const { open, table } = await keyed(shape, written);
  expect((await read(open, table)).map(([value]) => value)).toEqual(values);
  for (const value of values) {
    const found = await read(open, table, { by: 'values', places: [0], tuples: [[value]] });
    expect(found).toEqual([[value, written.indexOf(value)]]);
  }
});

test('a condition is met by all rows: each is asked for its groups anyway', async () => {
  const { open, table } = await keyed('number', [1, 2, 3]);
  expect(await read(open, table, { by: 'condition', any: [{ sql: 'k = ?', params: [1] }] })).toHaveLength(3);
});

test('a moment is the position of the last commit that it shows, which changes neither it nor its rows', async () => {
  const { open, table } = await keyed('number', [1]);
  const row: Row = { k: 1, n: 0 };
  const reading = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  await open.source.publish([{ table, before: row, after: { ...row, n: 1 as LogValue } }], { client: 'c', write: 2 });
  expect(reading.snapshot).toEqual({ by: 'position', until: positionOf(1) });
  for await (const page of reading.pages) expect(page).toEqual({ rows: [[1, 0]], total: 1 });
  const later = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  expect(later.snapshot).toEqual({ by: 'position', until: positionOf(2) });
  for await (const page of later.pages) expect(page).toEqual({ rows: [[1, 1]], total: 1 });
});

test('what clients write is read with the commit that says so', async () => {
  const { open, table } = await keyed('number', []);
  const { answer } = await open.store.write(
    rowWrite({
      table,
      action: 'create',
      key: null,
      claim: { principal: 'p', receipt: { client: 'c', write: 2 }, hash: 'h' },
      judge: () => ({ verdict: 'write', values: new Map<number, unknown>([[0, 7], [1, 8]]) }), // prettier-ignore
    }),
  );
  expect(answer).toEqual({ ok: true, pk: 7 });
  const reading = await open.rows.read(table, { by: 'all' }, { signal: new AbortController().signal });
  expect(reading.snapshot.until).toBe(await open.source.tail());
  expect(await read(open, table)).toEqual([[7, 8]]);
});
