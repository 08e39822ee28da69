import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueError, type Json } from '../../core/index.ts';
import { codecOf, type Codec } from './codec.ts';
import type { PgType } from './types.ts';

const plain = (oid: number, more: Partial<PgType> = {}): PgType => ({
  oid,
  name: '',
  category: 'U',
  base: null,
  modifier: -1,
  element: null,
  delimiter: ',',
  labels: null,
  ...more,
});

const codec = {
  bool: codecOf(plain(16), -1),
  int2: codecOf(plain(21), -1),
  int4: codecOf(plain(23), -1),
  int8: codecOf(plain(20), -1),
  oid: codecOf(plain(26), -1),
  float4: codecOf(plain(700), -1),
  float8: codecOf(plain(701), -1),
  numeric: codecOf(plain(1700), -1),
  'numeric(5,2)': codecOf(plain(1700), ((5 << 16) | 2) + 4),
  text: codecOf(plain(25), -1),
  'varchar(3)': codecOf(plain(1043), 3 + 4),
  'char(3)': codecOf(plain(1042), 3 + 4),
  enum: codecOf(plain(1, { labels: ['a', 'b'] }), -1),
  uuid: codecOf(plain(2950), -1),
  date: codecOf(plain(1082), -1),
  time: codecOf(plain(1083), -1),
  timestamp: codecOf(plain(1114), -1),
  timestamptz: codecOf(plain(1184), -1),
  interval: codecOf(plain(1186), -1),
  json: codecOf(plain(3802), -1),
  bytea: codecOf(plain(17), -1),
  'int4[]': codecOf(plain(1007, { element: plain(23) }), -1),
  'jsonb[]': codecOf(plain(3807, { element: plain(3802) }), -1),
  other: codecOf(plain(999_999), -1),
} as const satisfies Record<string, Codec>;

type Name = keyof typeof codec;

const NUL = 'a\0b';
const LONE = 'a\ud800';

const REFUSED: Readonly<Record<Name, readonly Json[]>> = {
  bool: ['true', 't', 0, 1, {}, []],
  int2: [32_768, -32_769, 1.5, '1', true, [1], {}],
  int4: [2_147_483_648, -2_147_483_649, 0.1, 1e400, NaN, '5 ', '5'],
  int8: ['9223372036854775808', '-9223372036854775809', '1.0', '1e3', ' 1', '', '0x10', 9_007_199_254_740_993, 1.5, true],
  oid: [-1, 4_294_967_296],
  float4: [1e39, 1e-50, Infinity, '1', 'nan', true],
  float8: [Infinity, NaN, '1', '1e5', 'infinity', {}],
  numeric: ['', '.', '1.2.3', '1,5', ' 1', '0x1', 'nan', '--1', 1.5, true, '1e99999', '1e1000', '1e-1000', '9'.repeat(1_001)],
  'numeric(5,2)': ['1000', '-1000.5', '1e3', 'Infinity', '-Infinity', '99999'],
  text: [1, true, {}, [], NUL, LONE],
  'varchar(3)': ['abcd', '😀😀😀😀', NUL, 3],
  'char(3)': ['abcd', LONE],
  enum: ['c', 'A', '', 1],
  uuid: ['', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1', 'a0eebc999c0b4ef8bb6d6bb9bd380a11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', 1],
  date: [
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '0000-01-01',
    '2026-1-1',
    'today',
    '23.11.2026',
    '2026-11-23T01:00:00Z',
    '0002-02-29 BC',
    1,
    '',
  ],
  time: ['24:00:01', '12:60:00', '1:2:3', '12:34:56.1234567', '12:34:56Z', 'now', 12],
  timestamp: ['2026-11-23', '2026-11-23T12:34:56+01:00', '2026-02-30T00:00:00', 'now', 'yesterday', 1_700_000_000],
  timestamptz: [
    '2026-11-23T12:34:56',
    '2026-11-23',
    '2026-02-30T00:00:00Z',
    '2026-11-23T12:34:56 Europe/Prague',
    'now',
    '9999-12-31T23:59:59-01:00',
    0,
  ],
  interval: ['1 day', 'P', 'PT', 'P1', '', 'P1H', 'PT1D', 'P1DT', 1],
  json: [{ a: NUL }, [LONE], { [NUL]: 1 }],
  bytea: ['\\x00', 'AP8', 'AP9!', 'AP8=\n', 1, 'AA=A'],
  'int4[]': ['{1}', 1, {}, ['1'], [[1], [1, 2]], [1, [2]], [1.5], [[1], null]],
  'jsonb[]': ['x', [NUL]],
  other: [1, {}, NUL, LONE],
};

describe.each(Object.keys(REFUSED) as Name[])('%s', (name) => {
  test.each(REFUSED[name].map((value) => [JSON.stringify(value) ?? String(value), value] as const))(
    'refuses %s and says what it takes',
    (_text, value) => {
      expect(() => codec[name].fromWire(value)).toThrow(ValueError);
    },
  );
});

test.each<[Name, Json, string]>([
  ['int4', -0, '0'],
  ['int8', 5, '5'],
  ['int8', '-0', '0'],
  ['int8', '007', '7'],
  ['numeric', 12, '12'],
  ['numeric(5,2)', '0.001', '0.001'],
  ['numeric(5,2)', '-999.99', '-999.99'],
  ['varchar(3)', 'ab    ', 'ab '],
  ['char(3)', 'a', 'a  '],
  ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['date', '2026-11-23T00:00:00.000Z', '2026-11-23'],
  ['time', '12:34', '12:34:00'],
  ['time', '12:34:56.100', '12:34:56.1'],
  ['timestamp', '2026-11-23T12:34:56.000Z', '2026-11-23 12:34:56'],
  ['timestamp', '2026-11-23T12:34', '2026-11-23 12:34:00'],
  ['timestamptz', '2026-11-23T00:30:00.000001+02:00', '2026-11-22 22:30:00.000001+00'],
  ['timestamptz', '2026-12-31T23:59:59.5-0030', '2027-01-01 00:29:59.5+00'],
  ['jsonb[]', [[1, 2], { a: null }], '{"[1,2]","{\\"a\\":null}"}'],
  ['int4[]', [], '{}'],
])('%s takes %j as %s', (name, value, text) => expect(codec[name].fromWire(value)).toBe(text));

test.each(Object.entries(codec))('%s: null in JSON is no value of a type; the column says NULL', (name, each) => {
  if (name === 'json') return expect(each.fromWire(null)).toBe('null');
  return expect(() => each.fromWire(null)).toThrow(ValueError);
});

test('whatever a client sends, it is taken or refused: nothing else is thrown, and no text holds what Postgres cannot store', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.values(codec)), (value, each) => {
      try {
        const text = each.fromWire(value as Json);
        expect(text.includes('\0')).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(ValueError);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('every whole number of 64 bits crosses both ways', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (number) => {
      expect(codec.int8.fromWire(JSON.parse(codec.int8.toWire(String(number))) as Json)).toBe(String(number));
    }),
  );
});

test('a kind announces itself, and an array its elements', () => {
  expect([codec.int8.kind, codec.other.kind, codec['int4[]'].kind]).toEqual(['bigint', 'other', 'array']);
  expect(codec['int4[]']).toMatchObject({ element: 'int' });
  expect(codecOf(plain(5, { base: plain(1043), modifier: 3 + 4 }), -1).kind).toBe('text');
  expect(() => codecOf(plain(5, { base: plain(1043), modifier: 3 + 4 }), -1).fromWire('abcd')).toThrow('at most 3 characters');
});
