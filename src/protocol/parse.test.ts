import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { badEnvelopes, GOOD, keys, LIMITS, nest, payload } from '../../test/support/bad-envelopes.ts';
import { BadFrame, FrameError, parseClientFrame, parseJson, toWire, type ClientFrame } from './index.ts';

const parse = (text: string): ClientFrame => parseClientFrame(text, LIMITS);
const json = JSON.stringify;

describe('a bad envelope is refused, by its code, and nothing else happens', () => {
  test('the table is a table', () => {
    expect(badEnvelopes.length).toBeGreaterThan(300);
    expect(new Set(badEnvelopes.map(({ text }) => text)).size).toBeGreaterThan(300);
  });

  test.each(badEnvelopes)('$name', ({ text, code }) => {
    const error = refusalOf(text);
    expect(error).toBeInstanceOf(FrameError);
    expect((error as FrameError).code).toBe(code);
    expect((error as FrameError).message).toMatch(/^.{10,200}$/);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

function refusalOf(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    return error;
  }
}

describe('a good envelope is what it says', () => {
  test.each(Object.entries(GOOD))('%s', (_name, frame) => {
    expect(parse(json(frame))).toEqual(frame);
    expect(parse(`\n\t ${JSON.stringify(frame, null, 2)} \r`)).toEqual(frame);
  });

  test('params left out of a subscribe are none', () => {
    expect(parse('{"type":"subscribe","id":1,"stream":"s"}')).toEqual({ type: 'subscribe', id: 1, stream: 's' });
  });

  test.each([
    ['32 levels', payload(nest(31, '[', ']'))],
    ['2,048 keys', payload(keys(2_045))],
    ['65,536 bytes', payload(json('x'.repeat(65_536 - payload('""').length)))],
    ['65,536 bytes of two each', payload(json('é'.repeat((65_536 - payload('""').length) / 2)))],
    ['65,536 bytes of three each', payload(json(`${'€'.repeat(21_829)}`))],
    ['65,536 bytes of four each', payload(json('💥'.repeat(16_371)))],
    ['brackets and quotes in strings', payload(json({ '[{"': ']}\\"', '}': '{"a":1,"a":2}' }))],
    ['one key in many objects', payload('[{"a":1},{"a":{"a":1}}]')],
    ['a pair of surrogates, escaped', payload('"\\ud83d\\udca5"')],
    [
      'the largest numbers',
      payload('[1.7976931348623157e308,-1.7976931348623157e308,5e-324,0e-400,-0.0,9007199254740991,-9007199254740992]'),
    ],
    ['large floats as a client writes them', payload(json([1e20, -(2 ** 60), 1.5e300, 0.1 + 0.2]))],
    ['floats of many digits', payload('[0.1000000000000000055511151231257827,3.14159265358979323846]')],
    ['names that only look like a prototype', payload('{"__proto":1,"Constructor":2,"toString":3,"hasOwnProperty":4}')],
    ['a key with quotes and backslashes', payload('{"a\\"b\\\\":1,"a\\"b":2}')],
    ['blanks around the colon', payload('{"a" \n:\t1,"b"\r :2}')],
    ['NUL and controls, escaped', payload('"\\u0000\\u001f\\u007f"')],
  ])('%s', (_name, text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test('a byte limit counts bytes', () => {
    const exact = (text: string): number => Buffer.byteLength(text);
    for (const text of ['"é"', '"€uro"', '"💥"', '"aé€💥"', '"\u07ff\u0800\uffff"']) {
      expect(parseJson(text, { ...LIMITS, bytes: exact(text) })).toBe(JSON.parse(text));
      expect(() => parseJson(text, { ...LIMITS, bytes: exact(text) - 1 })).toThrow(FrameError);
    }
  });
});

test.each([
  '9007199254740993',
  '-9007199254740993',
  '1152921504606846977',
  '1e-400',
  '-0.1e-999',
  '1e309',
  '123456789012345678901234567890',
])('a number that would silently become another is refused: %s', (literal) => {
  for (const text of [literal, `[1,${literal}]`, `{"n":${literal} }`]) {
    const error = refusalOf(payload(text));
    expect(error).toBeInstanceOf(FrameError);
    expect(error).toMatchObject({ code: 'bad_frame', message: expect.stringContaining('send it as a string') as string });
  }
  expect(refusalOf(payload(json(literal)))).toMatchObject({ payload: literal });
});

describe('a refused frame tells what to answer', () => {
  test.each([
    ['a write of which the rest is wrong', json({ ...GOOD.create, data: 1 }), { id: 2, write: true }],
    ['a write with a foreign key', json({ ...GOOD.update, x: 1 }), { id: 3, write: true }],
    [
      'a write too deep to be parsed',
      `{"type":"write","id":9,"stream":"s","action":"create","data":{"a":${nest(40, '[', ']')}}}`,
      { id: 9, write: true },
    ],
    [
      'a write with a prototype key',
      '{"type":"write","id":9,"stream":"s","action":"create","data":{"__proto__":1}}',
      { id: 9, write: true },
    ],
    ['a write that is cut off', '{"type":"write","id":9,"stream":"s', { id: 9, write: true }],
    [
      'a subscribe too deep to be parsed',
      `{"type":"subscribe","id":9,"stream":"s","params":${nest(40, '[', ']')}}`,
      { id: 9, write: false },
    ],
    ['a subscribe of which the rest is wrong', json({ ...GOOD.subscribe, params: [] }), { id: 1, write: false }],
    [
      'a subscribe that brings an `at` and no token',
      '{"type":"subscribe","id":9,"stream":"s","at":"0000000000000001"}',
      { id: 9, write: false },
    ],
    ['a subscribe from no position', json({ ...GOOD.resume, at: '7' }), { id: 6, write: false }],
    ['a refresh too deep to be parsed', `{"type":"refresh","id":9,"token":${nest(40, '[', ']')}}`, { id: 9, write: false }],
    ['a refresh without a token', '{"type":"refresh","id":9}', { id: 9, write: false }],
    ['a batch of nothing', json({ ...GOOD.batch, writes: [] }), { id: 9, write: true, client: 'another-client' }],
    ['a batch with one bad write', json({ ...GOOD.batch, writes: [{}] }), { id: 9, write: true, client: 'another-client' }],
    ['a batch too deep to be parsed', `{"type":"batch","id":9,"writes":${nest(40, '[', ']')}}`, { id: 9, write: true, client: undefined }],
    ['a call without an input', '{"type":"call","id":5,"stream":"publish"}', { id: 5, write: true }],
    [
      'a call for another client that is too deep to be parsed',
      `{"type":"call","id":9,"client":"another-client","stream":"publish","input":${nest(40, '[', ']')}}`,
      { id: 9, write: true, client: 'another-client' },
    ],
    ['a write for a client that has no such name', json({ ...GOOD.asked, client: 'short' }), { id: 8, write: true, client: undefined }],
    ['an unknown type with an id', '{"type":"cell","id":5}', { id: 5, write: false }],
    ['a write without an id', '{"type":"write","stream":"s","action":"delete","pk":1}', { id: undefined, write: false }],
    ['a write with an id that is none', '{"type":"write","id":0,"x":1}', { id: undefined, write: false }],
    ['a write whose id no client can have meant', '{"type":"write","id":9999999999999999,"stream":"s', { id: undefined, write: false }],
  ])('%s', (_name, text, about) => {
    const error = refusalOf(text);
    expect(error).toBeInstanceOf(BadFrame);
    expect(error).toMatchObject(about);
  });

  test('what is too large keeps its code', () => {
    expect(refusalOf(`{"type":"write","id":9,"data":${nest(40, '[', ']')}}`)).toMatchObject({ code: 'too_large', id: 9, write: true });
  });
});

describe('for any text', () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const unpolluted = (): void => expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  const outcome = (text: string): ClientFrame | FrameError => {
    const made = refusalOf(text);
    if (made instanceof Error && !(made instanceof FrameError)) throw made;
    return made as ClientFrame | FrameError;
  };

  test('nothing but a FrameError is thrown, and no prototype changes', () => {
    const shards = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      '\\u',
      'd800',
      '"type"',
      '"write"',
      '"id"',
      '"__proto__"',
      '1',
      '-',
      'e',
      '.',
      ' ',
      'null',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: shards, maxLength: 60 }),
      fc.json(),
      fc.string({ unit: fc.constantFrom('\ud800', '\udc00', '"', 'a') }),
    );
    fc.assert(
      fc.property(text, (any) => {
        outcome(any);
        unpolluted();
      }),
      { numRuns: 5_000 },
    );
  });

  test('a frame with one part replaced by anything is refused, or is what it says', () => {
    const frame = fc.constantFrom(...Object.values(GOOD));
    const anything = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(frame, fc.nat(), anything, fc.string(), (good, at, value, name) => {
        const names = [...Object.keys(good), name];
        const text = json({ ...good, [names[at % names.length] as string]: value });
        const made = outcome(text);
        if (!(made instanceof FrameError)) expect(json(sorted(made))).toBe(json(sorted(JSON.parse(text) as object)));
        unpolluted();
      }),
      { numRuns: 3_000 },
    );
  });

  test('what is accepted is what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = json(toWire(value)) as string;
        let parsed: unknown;
        try {
          parsed = parseJson(text, LIMITS);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
          return;
        }
        expect(json(parsed)).toBe(text);
      }),
      { numRuns: 3_000 },
    );
  });
});

const sorted = (frame: object): object => Object.fromEntries(Object.entries(frame).sort(([a], [b]) => (a < b ? -1 : 1)));
