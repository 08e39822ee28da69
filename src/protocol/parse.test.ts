import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadFrame, FrameError, parseClientFrame, parseJson, toWire, type ClientFrame } from './index.ts';

const LIMITS = { bytes: 65_536, depth: 32, keys: 256 };
const parse = (text: string): ClientFrame => parseClientFrame(text, LIMITS);

/** One good frame of every kind: the bad ones are made from these. */
const GOOD: Readonly<Record<string, object>> = {
  hello: { type: 'hello', client: 'client-0123456789' },
  subscribe: { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } },
  unsubscribe: { type: 'unsubscribe', view: 12 },
  create: { type: 'write', id: 2, stream: 'posts', action: 'create', data: { title: 'New' }, params: { blogId: 7 } },
  update: { type: 'write', id: 3, stream: 'posts', action: 'update', pk: [7, 'a'], data: { title: null }, params: {} },
  delete: { type: 'write', id: 4, stream: 'posts', action: 'delete', pk: 0 },
  message: { type: 'message', stream: 'chat', payload: [{ deep: [1, 'two', null, true] }] },
};

interface Case {
  readonly name: string;
  readonly text: string;
  readonly code: FrameError['code'];
}
const cases: Case[] = [];
const bad = (name: string, text: string, code: Case['code'] = 'bad_frame'): void => void cases.push({ name, text, code });
const json = JSON.stringify;
const nest = (levels: number, open: string, close: string): string => open.repeat(levels) + '1' + close.repeat(levels);
const keys = (count: number): string => json(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])));

// Text that is no JSON.
for (const text of [
  ...[
    '',
    ' ',
    '\n',
    '\0',
    '\uFEFF{}',
    '{',
    '}',
    '[',
    ']',
    '{]',
    '[}',
    '{}}',
    '{}{}',
    '"',
    '"\\',
    '"\\"',
    '{"',
    '{"a',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
  ],
  ...[
    '{"a":1,}',
    '{,}',
    '[1,]',
    '[,1]',
    '{"a" 1}',
    '{a:1}',
    "{'a':1}",
    '{"a":undefined}',
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":0x10}',
    '{"a":01}',
    '{"a":1.}',
  ],
  ...[
    '{"a":.5}',
    '{"a":1e}',
    '{"a":+1}',
    '{"a":--1}',
    '{"a":1-2}',
    '{"a":"\\x41"}',
    '{"a":"\\u00g0"}',
    '{"a":"\t"}',
    '{"\\q":1}',
    '{"a":1}//',
    '/**/{}',
    'nul',
    'True',
  ],
  ...['{"a":"\u0000"}', '{"type":"hello"}}', 'undefined', '{"type":"hello","client":"client-0123456789"} x', '"hello'],
])
  bad(`not JSON: ${json(text)}`, text);

// JSON that is no frame.
for (const text of [
  'null',
  'true',
  '0',
  '-0',
  '1e10',
  '"hello"',
  '[]',
  '[{"type":"hello"}]',
  '{}',
  '{"Type":"hello"}',
  '{"type":"toString"}',
])
  bad(`no frame: ${text}`, text);
for (const type of [
  '',
  'HELLO',
  'hello ',
  'welcome',
  'commit',
  'result',
  'ping',
  'eval',
  'valueOf',
  'writes',
  null,
  1,
  true,
  [],
  ['hello'],
  { hello: 1 },
])
  bad(`unknown type: ${json(type)}`, json({ ...GOOD.hello, type }));

// Cut off anywhere.
for (const [name, frame] of Object.entries(GOOD)) {
  const text = json(frame);
  for (const at of [1, Math.floor(text.length / 3), Math.floor(text.length / 2), text.length - 1])
    bad(`${name}: cut off at ${at}`, text.slice(0, at));
}

// A key left out, of another type, twice, misspelt, one too many.
const OPTIONAL = ['subscribe.params', 'create.params', 'update.params'];
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  client: [null, 1, '', 'short', 'x'.repeat(65), 'with space', 'ümläut-name', 'semi;colon', ['client-0123456789'], {}],
  id: [null, 0, -1, 1.5, '1', 2 ** 53, 1e300, true, [], [1], {}],
  view: [null, 0, -1, 1.5, '12', 2 ** 53, false, {}, []],
  stream: [null, 1, true, [], ['posts'], {}],
  action: [null, '', 'Create', 'upsert', 'truncate', 'toString', 1, [], ['create'], {}],
  params: [null, 1, 'blogId', true, [], [7]],
  data: [null, 1, 'title', true, [], [{}]],
  pk: [null],
  payload: [],
};
for (const [name, frame] of Object.entries(GOOD)) {
  for (const [key, value] of Object.entries(frame) as [string, unknown][]) {
    if (key === 'type') continue;
    const { [key]: _, ...rest } = frame as Record<string, unknown>;
    if (!OPTIONAL.includes(`${name}.${key}`)) bad(`${name}: without "${key}"`, json(rest));
    bad(`${name}: "${key}" misspelt`, json({ ...rest, [`${key}s`]: value }));
    bad(`${name}: "${key}" twice`, `${json(frame).slice(0, -1)},${json(key)}:${json(value)}}`);
    bad(
      `${name}: "${key}" twice, once escaped`,
      `${json(frame).slice(0, -1)},"\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}":1}`,
    );
    for (const wrong of WRONG[key] ?? []) bad(`${name}: "${key}" is ${json(wrong)}`, json({ ...frame, [key]: wrong }));
  }
  for (const extra of ['x', '', 'TYPE', 'toString', 'hasOwnProperty', '💥'])
    bad(`${name}: a foreign key ${json(extra)}`, json({ ...frame, [extra]: 1 }));
}
bad('create: with a key', json({ ...GOOD.create, pk: 1 }));
bad('delete: with data', json({ ...GOOD.delete, data: {} }));

// Prototype keys, in every place that is a map.
const PROTOTYPES = ['__proto__', 'constructor', 'prototype', '\\u005f_proto__', 'c\\u006fnstructor'];
for (const key of PROTOTYPES) {
  const evil = `"${key}":{"polluted":true}`;
  bad(`${key} in the frame`, `{"type":"hello","client":"client-0123456789",${evil}}`);
  bad(`${key} first in the frame`, `{${evil},"type":"hello","client":"client-0123456789"}`);
  bad(`${key} in params`, `{"type":"subscribe","id":1,"stream":"posts","params":{${evil}}}`);
  bad(`${key} in data`, `{"type":"write","id":1,"stream":"posts","action":"create","data":{${evil}}}`);
  bad(`${key} in a field of data`, `{"type":"write","id":1,"stream":"posts","action":"create","data":{"doc":{${evil}}}}`);
  bad(`${key} in the params of a write`, `{"type":"write","id":1,"stream":"posts","action":"create","data":{},"params":{${evil}}}`);
  bad(`${key} in a key`, `{"type":"write","id":1,"stream":"posts","action":"delete","pk":[{${evil}}]}`);
  bad(`${key} in a payload`, `{"type":"message","stream":"chat","payload":{${evil}}}`);
  bad(`${key} in a list of a payload`, `{"type":"message","stream":"chat","payload":[[{"a":{${evil}}}]]}`);
}

// Text and numbers that no database keeps as they are.
for (const text of ['\\ud800', '\\udc00', 'a\\uDBFF', '\\udc00\\ud800', '\\ud83d\\u0041', '\ud800', '\udfff'])
  for (const [where, frame] of [
    ['value', `{"type":"message","stream":"chat","payload":"${text}"}`],
    ['key', `{"type":"message","stream":"chat","payload":{"${text}":1}}`],
    ['stream', `{"type":"message","stream":"${text}","payload":1}`],
  ] as const)
    bad(`half a surrogate pair in a ${where}: ${json(text)}`, frame);
for (const number of ['1e400', '-1e400', '1E+309', '9'.repeat(400), `-${'9'.repeat(310)}.5`])
  bad(`a number out of range: ${number.slice(0, 12)}`, `{"type":"message","stream":"chat","payload":[${number}]}`);

// Over the limits.
const payload = (text: string): string => `{"type":"message","stream":"chat","payload":${text}}`;
bad('nested 33 deep, arrays', payload(nest(32, '[', ']')), 'too_large');
bad('nested 33 deep, objects', payload(nest(32, '{"a":', '}')), 'too_large');
bad('200,000 levels', payload('['.repeat(60_000)), 'too_large');
bad('nested before anything else', '['.repeat(33), 'too_large');
bad('257 keys', payload(keys(254)), 'too_large');
bad('257 keys in many objects', payload(`[${'{"a":1},'.repeat(254)}0]`), 'too_large');
bad('one byte too long', payload(json('x'.repeat(65_536 - payload('""').length + 1))), 'too_large');
bad('one byte too long in UTF-8', payload(json('é'.repeat((65_536 - payload('""').length) / 2 + 1))), 'too_large');
bad('four bytes a character', payload(json('💥'.repeat(16_384))), 'too_large');
bad('a megabyte', payload(json('x'.repeat(1 << 20))), 'too_large');

describe('a bad envelope is refused, by its code, and nothing else happens', () => {
  test('the table is a table', () => {
    expect(cases.length).toBeGreaterThan(300);
    expect(new Set(cases.map(({ text }) => text)).size).toBeGreaterThan(300);
  });

  test.each(cases)('$name', ({ text, code }) => {
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
    expect(parse('{"type":"subscribe","id":1,"stream":"s"}')).toEqual({ type: 'subscribe', id: 1, stream: 's', params: {} });
  });

  test.each([
    ['32 levels', payload(nest(31, '[', ']'))],
    ['256 keys', payload(keys(253))],
    ['65,536 bytes', payload(json('x'.repeat(65_536 - payload('""').length)))],
    ['65,536 bytes of two each', payload(json('é'.repeat((65_536 - payload('""').length) / 2)))],
    ['65,536 bytes of three each', payload(json(`${'€'.repeat(21_829)}`))],
    ['65,536 bytes of four each', payload(json('💥'.repeat(16_371)))],
    ['brackets and quotes in strings', payload(json({ '[{"': ']}\\"', '}': '{"a":1,"a":2}' }))],
    ['one key in many objects', payload('[{"a":1},{"a":{"a":1}}]')],
    ['a pair of surrogates, escaped', payload('"\\ud83d\\udca5"')],
    ['the largest numbers', payload('[1.7976931348623157e308,-1.7976931348623157e308,5e-324,1e-400,9007199254740993]')],
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
    ['an unknown type with an id', '{"type":"call","id":5}', { id: 5, write: false }],
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
        if (!(made instanceof FrameError))
          expect(json(sorted(made))).toBe(
            json(sorted({ ...(made.type === 'subscribe' && { params: {} }), ...(JSON.parse(text) as object) })),
          );
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
