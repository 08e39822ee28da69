import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLOSE, fromBase64, revive, toBase64, toWire, verdict, type FieldKind, type Json } from './index.ts';

/** As it travels: through JSON text. */
const travel = (value: unknown): Json => JSON.parse(JSON.stringify(toWire(value))) as Json;

describe('revive undoes toWire, for every shape', () => {
  const date = fc.date({ noInvalidDate: true, min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') });
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)); // JSON has one zero
  const shapes: readonly (readonly [FieldKind, fc.Arbitrary<unknown>])[] = [
    [['bool', 'boolean'], fc.boolean()],
    [['int', 'number'], fc.maxSafeInteger()],
    [['bigint', 'bigint'], fc.bigInt()],
    [['bigint', 'bigint'], fc.constantFrom(9_007_199_254_740_993n, -(2n ** 63n), 2n ** 63n - 1n, 0n)],
    [['float', 'number'], fc.oneof(finite, fc.constantFrom(NaN, Infinity, -Infinity))],
    [['numeric', 'string'], fc.constantFrom('1.50', '0.000', 'NaN', '-Infinity', `1${'0'.repeat(400)}`)],
    [['text', 'string'], fc.string({ unit: 'grapheme' })],
    [['timestamptz', 'date'], date],
    [['bytes', 'bytes'], fc.uint8Array({ maxLength: 300 })],
    [['json', 'json'], fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)],
    [['array', 'bigint', 'bigint'], fc.array(fc.option(fc.bigInt()))],
    [['array', 'date', 'timestamptz'], fc.array(fc.option(date))],
    [['array', 'bytes', 'bytes'], fc.array(fc.uint8Array({ maxLength: 20 }))],
    [['array', 'number', 'float'], fc.array(fc.array(fc.constantFrom(1.5, NaN, Infinity)))],
    [['array', 'string', 'text'], fc.array(fc.array(fc.string()))],
  ];

  test.each(shapes.map(([kind, values]) => ({ kind, values })))('$kind', ({ kind, values }) => {
    fc.assert(
      fc.property(fc.option(values), (value) => {
        expect(revive(travel(value), kind)).toEqual(value);
      }),
    );
  });
});

describe('every kind is revived as its row on the page says', () => {
  test.each<readonly [FieldKind, Json, unknown]>([
    [['int', 'number'], -7, -7],
    [['int', 'bigint'], 7, 7n],
    [['int', 'boolean'], 1, 1],
    [['bigint', 'bigint'], '9007199254740993', 9_007_199_254_740_993n],
    [['bigint', 'number'], '42', 42],
    [['bigint', 'string'], '9007199254740993', '9007199254740993'],
    [['numeric', 'string'], '1.50', '1.50'],
    [['numeric', 'number'], '1.50', 1.5],
    [['float', 'number'], 'NaN', NaN],
    [['float', 'number'], '-Infinity', -Infinity],
    [['date', 'date'], '2026-11-23', new Date(Date.UTC(2026, 10, 23))],
    [['date', 'string'], '2026-11-23', '2026-11-23'],
    [['timestamp', 'date'], '2026-11-23T12:34:56.789', new Date('2026-11-23T12:34:56.789Z')],
    [['timestamptz', 'date'], '2026-11-23T12:34:56.789012Z', new Date('2026-11-23T12:34:56.789Z')],
    [['timestamptz', 'date'], '0001-01-01T00:00:00Z', new Date('0001-01-01T00:00:00Z')],
    [['timestamptz', 'date'], 'infinity', 'infinity'],
    [['timestamp', 'date'], '-infinity', '-infinity'],
    [['bytes', 'bytes'], 'AAEC/w==', new Uint8Array([0, 1, 2, 255])],
    [['bytes', 'bytes'], '', new Uint8Array()],
    [['json', 'json'], { a: [1, null] }, { a: [1, null] }],
    [
      ['array', 'bigint', 'bigint'],
      ['1', null, ['2']],
      [1n, null, [2n]],
    ],
    [['array', 'string'], ['a'], ['a']],
    [['text', 'string'], null, null],
    [['other', 'string'], '192.168.0.0/24', '192.168.0.0/24'],
  ])('%j: %j', (kind, wire, value) => {
    expect(revive(wire, kind)).toEqual(value);
  });

  test.each([
    '10000-01-01',
    '12026-01-01',
    '12026-01-01T00:00:00Z',
    '-0044-03-15',
    '0044-03-15 BC',
    '12',
    'yesterday',
    '10000-01-01T00:00:00',
    '2026-13-45',
  ])('a date that no two engines read alike stays text: %s', (text) => {
    expect(revive(text, ['date', 'date'])).toBe(text);
    expect(revive(text, ['timestamp', 'date'])).toBe(text);
  });
});

describe('toWire', () => {
  test('leaves undefined members out, and makes null of undefined elements', () => {
    expect(JSON.stringify(toWire({ a: undefined, b: [undefined], c: { d: undefined } }))).toBe('{"b":[null],"c":{}}');
    expect(toWire(undefined)).toBeUndefined();
    expect(toWire(() => 1)).toBeUndefined();
  });

  test('of an own __proto__ is a member, never a prototype', () => {
    const made = toWire(JSON.parse('{"__proto__":{"polluted":true}}')) as object;
    expect(JSON.stringify(made)).toBe('{"__proto__":{"polluted":true}}');
    expect((made as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(made)).toBeNull();
  });

  test('of a Buffer is the base64 of its bytes', () => {
    expect(toWire(Buffer.from([0, 1, 2, 255]))).toBe('AAEC/w==');
  });
});

describe('base64', () => {
  test('is what Node makes, at every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
    const long = new Uint8Array(100_000).map((_, at) => at);
    expect(fromBase64(toBase64(long))).toEqual(long);
  });

  test.each(['*', 'A', 'AAE_', 'é'])('refuses %s', (text) => {
    expect(() => fromBase64(text)).toThrow(SyntaxError);
  });
});

describe('the verdict is in the range', () => {
  test.each([
    ['fatal', 4000, 4099],
    ['credentials', 4100, 4199],
    ['now', 4200, 4299],
    ['later', 4300, 4999],
    ['later', 1000, 1001],
    ['later', 1004, 1006],
    ['later', 1008, 1008],
    ['later', 1010, 3999],
    ['fatal', 1002, 1003],
    ['fatal', 1007, 1007],
    ['fatal', 1009, 1009],
  ])('%s: %i to %i', (expected, from, to) => {
    const verdicts = new Set(Array.from({ length: to - from + 1 }, (_, at) => verdict(from + at)));
    expect(verdicts).toEqual(new Set([expected]));
  });

  test('every code of the table is in the range of what it means', () => {
    const verdicts = Object.fromEntries(Object.entries(CLOSE).map(([name, code]) => [name, verdict(code)]));
    expect(verdicts).toEqual({
      badFrame: 'fatal',
      tooLarge: 'fatal',
      unsupported: 'fatal',
      unauthorized: 'credentials',
      expired: 'credentials',
      replaced: 'now',
      aged: 'now',
      going: 'later',
      slow: 'later',
      rate: 'later',
      overloaded: 'later',
    });
  });
});
