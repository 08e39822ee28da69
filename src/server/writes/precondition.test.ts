import { describe, expect, test } from 'vitest';
import type { FieldKind, Image, Stream } from '../../core/index.ts';
import type { Json } from '../../protocol/index.ts';
import { conflict, unknownCondition } from './precondition.ts';

// What a client knows of a row against what it is: as far as both have a value for it.

interface Has {
  readonly kind: FieldKind;
  readonly value: Json;
}

/** A stream whose one row has one field, and what it is. */
function streamWith({ kind, value }: Has, serialize?: () => object): Stream {
  const fields = ['field'];
  return {
    binding: { fields, options: serialize ? { serialize } : {} },
    table: { columns: [{ name: 'field', kind }] },
    text: () => JSON.stringify({ field: value }),
  } as unknown as Stream;
}
const ROW: Image = [];
const matches = (has: Has, given: Json, serialize?: () => object): boolean =>
  conflict(streamWith(has, serialize), { field: given }, ROW) === null;

describe.each<[string, Has, Json[], Json[]]>([
  ['text', { kind: ['text', 'string'], value: 'a' }, ['a'], ['A', '', null, 1]],
  ['NULL', { kind: ['text', 'string'], value: null }, [null], ['', 'null', 0]],
  [
    'a Date, which holds no microseconds',
    { kind: ['timestamptz', 'date'], value: '2026-11-23T12:34:56.789012Z' },
    ['2026-11-23T12:34:56.789012Z', '2026-11-23T12:34:56.789Z', '2026-11-23T13:34:56.789+01:00'],
    ['2026-11-23T12:34:56.788Z', '2026-11-23', 'infinity', 'x'],
  ],
  [
    'the same column as text',
    { kind: ['timestamptz', 'string'], value: '2026-11-23T12:34:56.789012Z' },
    ['2026-11-23T12:34:56.789012Z'],
    ['2026-11-23T12:34:56.789Z'],
  ],
  ['a bigint', { kind: ['bigint', 'bigint'], value: '9007199254740993' }, ['9007199254740993'], ['9007199254740992', 'x', '', true]],
  ['a numeric as a number', { kind: ['numeric', 'number'], value: '1.50' }, ['1.50', '1.5', 1.5], ['1.51', 'NaN']],
  ['a numeric as text', { kind: ['numeric', 'string'], value: '1.50' }, ['1.50'], ['1.5', 1.5]],
  ['NaN', { kind: ['float', 'number'], value: 'NaN' }, ['NaN'], [0, null]],
  ['bytes', { kind: ['bytes', 'bytes'], value: 'AAEC' }, ['AAEC'], ['AAED', '!']],
  [
    'json, whatever the order of its keys',
    { kind: ['json', 'json'], value: { a: 1, b: [{ c: 2, d: 3 }] } },
    [{ b: [{ d: 3, c: 2 }], a: 1 }],
    [{ a: 1 }, {}, []],
  ],
  ['an array', { kind: ['array', 'bigint', 'bigint'], value: ['1', null] }, [['1', null]], [['1'], [null, '1'], '1', []]],
])('%s', (_name, has, same, others) => {
  test.each(same.map((value) => [value]))('%j is it', (value) => expect(matches(has, value)).toBe(true));
  test.each(others.map((value) => [value]))('%j is not', (value) => expect(matches(has, value)).toBe(false));
});

test('what `serialize` makes of a field is of no kind: it is compared as it is', () => {
  const has: Has = { kind: ['bigint', 'bigint'], value: 'about five' };
  expect(matches(has, 'about five', () => ({}))).toBe(true);
  expect(matches(has, 'five', () => ({}))).toBe(false);
});

test('a refusal names what differs and holds the row, unless that is long', () => {
  const stream = streamWith({ kind: ['text', 'string'], value: 'is' });
  expect(conflict(stream, { field: 'was' }, ROW)).toEqual({
    ok: false,
    code: 'conflict',
    message: expect.stringMatching(/^field is not what "if" says/) as string,
    row: { field: 'is' },
  });
  const long = streamWith({ kind: ['text', 'string'], value: 'x'.repeat(16_384) });
  expect(conflict(long, { field: 'was' }, ROW)).not.toHaveProperty('row');
});

test('only fields of the stream can be asked for', () => {
  const stream = streamWith({ kind: ['text', 'string'], value: 'is' });
  expect(unknownCondition(stream, { field: 1 })).toBeNull();
  expect(unknownCondition(stream, undefined)).toBeNull();
  expect(unknownCondition(stream, { field: 1, secret: 2 })).toMatchObject({
    code: 'unknown_field',
    fields: { secret: 'is not a field of this stream' },
  });
});
