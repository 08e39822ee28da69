import type { FrameError } from '../../src/protocol/index.ts';

/** Those of the wire. */
export const LIMITS = { bytes: 65_536, depth: 32, keys: 2_048 };

/** One good frame of every kind: the bad ones are made from these. */
export const GOOD: Readonly<Record<string, object>> = {
  hello: { type: 'hello', client: 'client-0123456789' },
  subscribe: { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } },
  base: { type: 'subscribe', id: 5, stream: 'posts' },
  resume: { type: 'subscribe', id: 6, stream: 'posts', params: { blogId: 7 }, at: '00000000016b3e10', token: 'WyI3NDEyMDk4Il0.mac' },
  unsubscribe: { type: 'unsubscribe', view: 12 },
  create: { type: 'write', id: 2, stream: 'posts', action: 'create', data: { title: 'New' }, params: { blogId: 7 } },
  update: { type: 'write', id: 3, stream: 'posts', action: 'update', pk: [7, 'a'], data: { title: null }, params: {} },
  delete: { type: 'write', id: 4, stream: 'posts', action: 'delete', pk: 0 },
  asked: {
    type: 'write',
    id: 8,
    client: 'another-client',
    stream: 'posts',
    action: 'update',
    pk: 1,
    data: { title: 'N' },
    if: { title: 'O' },
  },
  batch: {
    type: 'batch',
    id: 9,
    client: 'another-client',
    writes: [
      { stream: 'posts', action: 'create', data: { title: 'New' }, params: { blogId: 7 } },
      { stream: 'intval', action: 'delete', pk: 4, if: {} },
    ],
  },
  call: { type: 'call', id: 10, client: 'another-client', stream: 'publish', input: { id: 3 } },
  message: { type: 'message', stream: 'chat', payload: [{ deep: [1, 'two', null, true] }] },
  at: { type: 'at', mark: 262_301 },
  refresh: { type: 'refresh', id: 7, token: 'eyJhbGciOi' },
};

export interface BadEnvelope {
  readonly name: string;
  readonly text: string;
  readonly code: FrameError['code'];
}
/** Frames that must be refused, and the code they are refused with. */
export const badEnvelopes: BadEnvelope[] = [];
const bad = (name: string, text: string, code: BadEnvelope['code'] = 'bad_frame'): void => void badEnvelopes.push({ name, text, code });
const json = JSON.stringify;
export const nest = (levels: number, open: string, close: string): string => open.repeat(levels) + '1' + close.repeat(levels);
export const keys = (count: number): string => json(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])));

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
const OPTIONAL = [
  ...['subscribe.params', 'resume.params', 'create.params', 'update.params'],
  ...['asked.client', 'asked.if', 'batch.client', 'call.client'],
];
const GOOD_WRITE = { stream: 'posts', action: 'update', pk: 1, data: {} };
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
  if: [null, 1, 'title', true, [], [{}]],
  writes: [
    ...[null, 1, true, 'write', {}, [], [null], [[]], ['write'], [{}], [GOOD_WRITE, null]],
    ...[{ id: 1 }, { type: 'write' }, { client: 'another-client' }, { x: 1 }, { action: 'upsert' }, { stream: 1 }, { pk: null }].map(
      (also) => [GOOD_WRITE, { ...GOOD_WRITE, ...also }],
    ),
    ...[{ data: [] }, { data: null }, { params: [] }, { if: [] }, { if: null }, { action: 'delete' }, { action: 'create' }].map((also) => [
      { ...GOOD_WRITE, ...also },
    ]),
    [{ stream: 'posts', action: 'create', data: {}, if: {} }],
  ],
  at: [null, 1, true, '', '7', '00000000016b3e1', '00000000016b3e100', '00000000016B3E10', '0x000000016b3e10', ' 0000000016b3e10', [], {}],
  token: [null, 1, true, [], ['t'], {}],
  mark: [null, 0, -1, 1.5, '262301', 2 ** 53, true, [], {}],
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
bad('create: with an if', json({ ...GOOD.create, if: {} }));

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
  bad(`${key} in an if`, `{"type":"write","id":1,"stream":"posts","action":"delete","pk":1,"if":{${evil}}}`);
  bad(`${key} in a batch`, `{"type":"batch","id":1,"writes":[{"stream":"posts","action":"create","data":{${evil}}}]}`);
  bad(`${key} in an input`, `{"type":"call","id":1,"stream":"publish","input":{${evil}}}`);
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
export const payload = (text: string): string => `{"type":"message","stream":"chat","payload":${text}}`;
bad('nested 33 deep, arrays', payload(nest(32, '[', ']')), 'too_large');
bad('nested 33 deep, objects', payload(nest(32, '{"a":', '}')), 'too_large');
bad('200,000 levels', payload('['.repeat(60_000)), 'too_large');
bad('nested before anything else', '['.repeat(33), 'too_large');
bad('a key too many', payload(keys(LIMITS.keys - 2)), 'too_large');
bad('a key too many in many objects', payload(`[${'{"a":1},'.repeat(LIMITS.keys - 2)}0]`), 'too_large');
bad('one byte too long', payload(json('x'.repeat(65_536 - payload('""').length + 1))), 'too_large');
bad('one byte too long in UTF-8', payload(json('é'.repeat((65_536 - payload('""').length) / 2 + 1))), 'too_large');
bad('four bytes a character', payload(json('💥'.repeat(16_384))), 'too_large');
bad('a megabyte', payload(json('x'.repeat(1 << 20))), 'too_large');
