import { describe, expect, test } from 'vitest';
import { ValueError, type Column, type Json, type LogValue, type TableColumn } from '../core/index.ts';
import { plainModel } from '../testing/index.ts';
import { affinityOf } from './catalog.ts';
import { tableColumn } from './column.ts';

function column(sqlType: string, shape: Column['shape']): TableColumn {
  const model = plainModel({ dialect: 'sqlite', table: 't', key: ['c'], columns: { c: { sqlType, shape } } });
  return tableColumn(model as never, 0, {
    name: 'c',
    type: sqlType,
    affinity: affinityOf(sqlType),
    notNull: false,
    defaultSql: null,
    generated: false,
  });
}

describe('what a client sends is taken strictly, in the announced form only', () => {
  const refused: readonly (readonly [string, Column['shape'], readonly Json[]])[] = [
    [
      'integer',
      'number',
      ['5', '5 ', '', '5.0', 1.5, true, [], {}, 2 ** 53, '9223372036854775808', '1e300', ' 9007199254740993', '009007199254740993', 'NaN'],
    ],
    ['integer', 'bigint', [5, '5.0', '05', '-0', '+1', ' 1', '9223372036854775808', '-9223372036854775809', true, {}]],
    ['integer', 'boolean', [0, 1, 'true', 't', [], {}]],
    ['real', 'number', ['1.5', 'NaN', 'inf', '', true, {}]],
    ['numeric', 'string', [1, '', ' 1', '1.', '.5', '0x10', 'NaN', '1,5', {}]],
    ['text', 'string', [1, true, ['a'], { a: 1 }, 'lone \ud800 surrogate']],
    ['integer', 'date', [0, 'now', '2026-11-23', '2026-11-23T12:00:00', '2026-13-01T00:00:00Z', '']],
    ['blob', 'bytes', ['AP8', 'AP8Q==', 'AP_Q', 'a b', 1, {}]],
  ];
  test.each(refused)('%s as %s refuses what is not', (sqlType, shape, values) => {
    for (const value of values) expect(() => column(sqlType, shape).fromWire(value), JSON.stringify(value)).toThrow(ValueError);
  });

  const taken: readonly (readonly [string, Column['shape'], Json, LogValue])[] = [
    ['integer', 'number', 5, 5n],
    ['integer', 'number', '9007199254740993', 9007199254740993n],
    ['integer', 'bigint', '-9223372036854775808', -(2n ** 63n)],
    ['integer', 'boolean', true, 1n],
    ['real', 'number', 1, 1],
    ['real', 'number', '-Infinity', -Infinity],
    ['text', 'string', 'a\0b', 'a\0b'],
    ['integer', 'date', '2026-11-23T12:34:56.789+02:00', 1795430096789n],
    ['text', 'json', { a: [1] }, '{"a":[1]}'],
    ['text', 'string', null, null],
  ];
  test.each(taken)('%s as %s takes %s', (sqlType, shape, wire, value) => {
    expect(column(sqlType, shape).fromWire(wire)).toEqual(value);
  });
});

describe('what stands in a column against its type is still told', () => {
  const cases: readonly (readonly [string, Column['shape'], LogValue, Json])[] = [
    ['integer', 'number', 'a text', 'a text'],
    ['integer', 'number', 1.5, 1.5],
    ['integer', 'boolean', 'yes', 'yes'],
    ['text', 'json', '{broken', '{broken'],
    ['integer', 'date', 'tomorrow', 'tomorrow'],
    ['integer', 'bigint', 'a text', 'a text'],
    ['integer', 'number', new Uint8Array([0, 255, 16]), 'AP8Q'],
    ['integer', 'date', 9_000_000_000_000_000_000n, '9000000000000000000'],
  ];
  test.each(cases)('%s as %s: %s', (sqlType, shape, value, wire) => {
    expect(JSON.parse(column(sqlType, shape).toWire(value))).toEqual(wire);
  });
});

test.each([
  ['INTEGER', 'integer'],
  ['VARCHAR(10)', 'text'],
  ['FLOATING POINT', 'integer'],
  ['DOUBLE PRECISION', 'real'],
  ['', 'none'],
  ['BLOB', 'none'],
  ['DECIMAL(10,5)', 'numeric'],
  ['boolean', 'numeric'],
  ['CHARINT', 'integer'],
])('the affinity of %j is %s', (type, affinity) => {
  expect(affinityOf(type)).toBe(affinity);
});
