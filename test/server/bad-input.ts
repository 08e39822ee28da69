/** One thing a hostile or broken client may send, and the codes, or the reasons of a `reset`, that it may be answered with. */
export interface BadInput {
  readonly name: string;
  readonly text: string;
  readonly codes: readonly string[];
}

const json = (value: unknown): string => JSON.stringify(value);
const bad = (name: string, text: string, ...codes: string[]): BadInput => ({ name, text, codes: codes.length > 0 ? codes : ['bad_frame'] });

const FRAMES = {
  hello: { type: 'hello', client: 'client-name-1' },
  subscribe: { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 1 } },
  unsubscribe: { type: 'unsubscribe', view: 1 },
  create: { type: 'write', id: 1, stream: 'posts', action: 'create', data: { title: 't' } },
  update: { type: 'write', id: 1, stream: 'posts', action: 'update', pk: 1, data: { title: 'changed' } },
  delete: { type: 'write', id: 1, stream: 'posts', action: 'delete', pk: 1 },
  message: { type: 'message', stream: 'echo', payload: 1 },
  resume: { type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 1 }, at: '0000000000000001', token: 'WyIxIl0.bWFj' },
  at: { type: 'at', mark: 262_144 },
  refresh: { type: 'refresh', id: 1, token: 'newer' },
} as const;

const NOT_JSON = [
  ...['', ' ', '\n', '{', '}', '[', '{]', '{"type"}', '{"type":}', "{'type':'hello'}", '{type:"hello"}', '{"type":"hello",}', '\ufeff{}'],
  ...[
    'undefined',
    'NaN',
    'Infinity',
    '-',
    '01',
    '1.',
    '.5',
    '+1',
    '0x10',
    '"',
    '"\\x"',
    '"\\u12"',
    '"\n"',
    '{}{}',
    '{} x',
    '// c\n{}',
    '<xml/>',
  ],
  ...[
    'GET / HTTP/1.1',
    '{"type":"hello" "client":"x"}',
    '{"type":"hello";"client":"x"}',
    '\0',
    '{"a":1e400}',
    '{"a":-1e999}',
    '{"a":[1,]}',
  ],
].map((text) => bad(`not JSON: ${json(text)}`, text));

const NOT_OBJECTS = ['null', 'true', '1', '-0', '"hello"', '[]', '[{"type":"hello"}]', '{}'].map((text) => bad(`no frame: ${text}`, text));

const TRUNCATED = (['update', 'resume', 'at', 'refresh'] as const).flatMap((name) => {
  const text = json(FRAMES[name]);
  return Array.from({ length: text.length - 1 }, (_, end) => bad(`${name} cut off after ${end + 1}`, text.slice(0, end + 1)));
});

const TYPES = [null, 1, true, [], {}, '', 'Hello', 'WRITE', 'write ', ' write', '__proto__', 'constructor', 'toString', 'hasOwnProperty']
  .concat([
    'commit',
    'welcome',
    'result',
    'reset',
    'ping',
    'seen',
    'subscribed',
    'error',
    'close',
    'eval',
    '../write',
    'write\u0000',
  ] as never[])
  .map((type) => bad(`type ${json(type)}`, json({ ...FRAMES.update, type })));

const EXTRA = Object.entries(FRAMES).flatMap(([name, frame]) =>
  ['extra', 'if', 'user', 'Type'].map((key) => bad(`${name} with "${key}"`, json({ ...frame, [key]: 1 }))),
);

const MISSING = Object.entries(FRAMES).flatMap(([name, frame]) =>
  Object.keys(frame)
    .filter((key) => key !== 'params')
    .map((key) => bad(`${name} without "${key}"`, json({ ...frame, [key]: undefined }))),
);

const WRONG: readonly [keyof typeof FRAMES, string, readonly unknown[]][] = [
  ['hello', 'client', [null, 1, [], {}, '', 'short', 'x'.repeat(65), 'with space', 'ünïcodé-name', "'; DROP TABLE x"]],
  ['subscribe', 'id', [null, 0, -1, 1.5, '1', true, [], {}, 2 ** 53]],
  ['subscribe', 'stream', [null, 1, true, [], {}]],
  ['subscribe', 'params', [null, 1, 'x', []]],
  ['unsubscribe', 'view', [null, 0, -1, 1.5, '1', true, [], {}]],
  ['update', 'id', [null, 0, -1, 1.5, '1', true, [], {}, 2 ** 53, Number.MAX_VALUE]],
  ['update', 'stream', [null, 1, true, [], {}]],
  ['update', 'action', [null, 1, [], {}, '', 'Update', 'upsert', 'list', '__proto__', 'constructor', ['update']]],
  ['update', 'pk', [null]],
  ['update', 'data', [null, 1, 'x', [], [{ title: 'x' }], true]],
  ['update', 'params', [null, 1, 'x', []]],
  ['create', 'pk', [1, 'x', null]],
  ['create', 'data', [null, 1, 'x', []]],
  ['delete', 'data', [null, {}, { title: 'x' }]],
  ['resume', 'id', [null, 0, -1, 1.5, '1', true, [], {}, 2 ** 53]],
  ['resume', 'stream', [null, 1, true, [], {}]],
  ['resume', 'params', [null, 1, 'x', []]],
  [
    'resume',
    'at',
    [null, 1, 0, true, [], {}, '', ' ', '1', '000000000000001', '00000000000000001', '000000000000000g', 'ABCDEF0123456789'],
  ],
  [
    'resume',
    'at',
    ['-000000000000001', '0x00000000000001', '0000000000000001 ', '0000000000000001\n', '../../etc/passwd', "' OR '1'='1' --x"],
  ],
  ['resume', 'token', [null, 1, 0, true, [], {}, ['WyIxIl0.bWFj']]],
  ['at', 'mark', [null, 0, -1, 1.5, '1', '', true, [], {}, 2 ** 53, Number.MAX_VALUE]],
  ['refresh', 'id', [null, 0, -1, 1.5, '1', true, [], {}, 2 ** 53]],
  ['refresh', 'token', [null, 1, 0, true, [], {}, ['newer']]],
];
const WRONG_TYPES = WRONG.flatMap(([name, key, values]) =>
  values.map((value) => bad(`${name}: "${key}" is ${json(value)}`, json({ ...FRAMES[name], [key]: value }))),
);

const AT = (inside: string): readonly [string, string][] => [
  ['the frame', `{${inside},"type":"write","id":1,"stream":"posts","action":"update","pk":1,"data":{"title":"x"}}`],
  ['data', `{"type":"write","id":1,"stream":"posts","action":"update","pk":1,"data":{${inside}}}`],
  ['params', `{"type":"subscribe","id":1,"stream":"posts","params":{${inside}}}`],
  ['a resume', `{"type":"subscribe","id":1,"stream":"posts","at":"0000000000000001","token":"",${inside}}`],
  ['a refresh', `{"type":"refresh","id":1,"token":"newer",${inside}}`],
  ['a payload', `{"type":"message","stream":"echo","payload":{"deep":[{${inside}}]}}`],
];
const PROTOTYPES = [
  '"__proto__":{"polluted":true}',
  '"constructor":{"prototype":{"polluted":true}}',
  '"prototype":1',
  '"\\u005f_proto__":{"polluted":true}',
]
  .concat(['"a":1,"a":2', '"a":1,"\\u0061":2'])
  .flatMap((inside) => AT(inside).map(([where, text]) => bad(`${inside} in ${where}`, text)));

const SURROGATES = ['"\\ud800"', '"\\udc00"', '"a\\ud83dz"', '{"\\ud800":1}'].map((value) =>
  bad(`half a surrogate pair: ${value}`, `{"type":"write","id":1,"stream":"posts","action":"update","pk":1,"data":{"title":${value}}}`),
);

const DEEP = [33, 100, 5_000].flatMap((depth) => [
  bad(`${depth} arrays deep`, `{"type":"message","stream":"echo","payload":${'['.repeat(depth)}${']'.repeat(depth)}}`, 'too_large'),
  bad(`${depth} objects deep`, `{"type":"message","stream":"echo","payload":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`, 'too_large'),
  bad(`${depth} open brackets`, '['.repeat(depth), 'too_large'),
]);

const STREAMS = [
  '',
  ' ',
  'Posts',
  'posts ',
  'post',
  'public.post',
  '__proto__',
  'constructor',
  'toString',
  '*',
  'posts.*',
  'posts>',
  '../posts',
].flatMap((stream) => [
  bad(`write to stream ${json(stream)}`, json({ ...FRAMES.update, stream }), 'unknown_stream'),
  bad(`subscribe to stream ${json(stream)}`, json({ ...FRAMES.subscribe, stream }), 'unknown_stream'),
  bad(`resume of stream ${json(stream)}`, json({ ...FRAMES.resume, stream }), 'unknown_stream'),
  bad(`message to stream ${json(stream)}`, json({ ...FRAMES.message, stream }), 'unknown_stream'),
]);

const INJECTIONS = [
  "'; DROP TABLE post; --",
  '"; DROP TABLE post; --',
  "1' OR '1'='1",
  '1 OR 1=1',
  "1; UPDATE post SET title='pwned'",
  "title = 'pwned' --",
  'title" = \'pwned\', "secret',
  '$1',
  '?',
  ':title',
  '\\',
  'post.title',
  '(SELECT secret FROM post)',
  'title/**/',
  'rowid',
  'ctid',
  'xmin',
  'oid',
  "E'\\\\x27'",
  "N'x'",
];
const INJECTED = INJECTIONS.flatMap((text) => [
  bad(`field ${json(text)}`, json({ ...FRAMES.update, data: { [text]: 'x' } }), 'unknown_field'),
  bad(`created field ${json(text)}`, json({ ...FRAMES.create, data: { title: 'x', [text]: 'x' } }), 'unknown_field'),
  bad(`stream ${json(text)}`, json({ ...FRAMES.update, stream: text }), 'unknown_stream'),
  bad(`key ${json(text)}`, json({ ...FRAMES.update, pk: text }), 'invalid'),
  bad(`param ${json(text)}`, json({ ...FRAMES.subscribe, params: { [text]: 1 } }), 'invalid'),
  bad(`param’s value ${json(text)}`, json({ ...FRAMES.subscribe, params: { blogId: text } }), 'invalid'),
]);

const KEYS = [
  '1',
  '1 ',
  ' 1',
  '1.0',
  '01',
  '0x1',
  '1e0',
  'true',
  '',
  '١',
  '1\u0000',
  true,
  false,
  [],
  [1],
  [[1]],
  {},
  { id: 1 },
  { $gt: 0 },
  1.5,
  -0.5,
]
  .concat([1e30, -1e30, 2 ** 53, 2 ** 31, -1, 0, 404] as never[])
  .flatMap((pk) => [
    bad(`update of key ${json(pk)}`, json({ ...FRAMES.update, pk }), 'invalid', 'not_found'),
    bad(`delete of key ${json(pk)}`, json({ ...FRAMES.delete, pk }), 'invalid', 'not_found'),
  ]);

const FOREIGN = [
  'id',
  'blogId',
  'blog_id',
  'published',
  'owner',
  'secret',
  'Title',
  'TITLE',
  'title ',
  'toString',
  'isSuperuser',
  '0',
  '',
].flatMap((field) => [
  bad(`mass assignment of ${json(field)} in create`, json({ ...FRAMES.create, data: { title: 'x', [field]: 1 } }), 'unknown_field'),
  bad(`mass assignment of ${json(field)} in update`, json({ ...FRAMES.update, data: { title: 'x', [field]: 1 } }), 'unknown_field'),
  bad(`mass assignment of ${json(field)} alone`, json({ ...FRAMES.update, data: { [field]: 'x' } }), 'unknown_field'),
  bad(
    `mass assignment of ${json(field)} in a batch`,
    json({ type: 'batch', id: 1, writes: [{ stream: 'posts', action: 'update', pk: 1, data: { title: 'x', [field]: 1 } }] }),
    'unknown_field',
  ),
  bad(
    `mass assignment of ${json(field)} in the last of a batch`,
    json({
      type: 'batch',
      id: 1,
      writes: [
        { stream: 'posts', action: 'update', pk: 1, data: { title: 'x' } },
        { stream: 'posts', action: 'create', data: { title: 'x', [field]: 1 } },
      ],
    }),
    'unknown_field',
  ),
]);

const VALUES = [null, 1, 1.5, true, [], ['x'], {}, { title: 'x' }, { $ne: null }].flatMap((title) => [
  bad(`title ${json(title)} in create`, json({ ...FRAMES.create, data: { title } }), 'invalid'),
  bad(`title ${json(title)} in update`, json({ ...FRAMES.update, data: { title } }), 'invalid'),
]);

const REST = [
  bad('a create without what is required', json({ ...FRAMES.create, data: {} }), 'invalid'),
  bad('an update of nothing', json({ ...FRAMES.update, data: {} }), 'invalid'),
  bad('params of another shape', json({ ...FRAMES.subscribe, params: { id: 1 } }), 'invalid'),
  bad('params for who takes none', json({ ...FRAMES.subscribe, stream: 'labels', params: { id: 1 } }), 'invalid'),
  bad('a resume of a group that may not be asked for', json({ ...FRAMES.resume, params: { blogId: 666 } }), 'forbidden'),
  bad('a resume by params of another shape', json({ ...FRAMES.resume, params: { title: 'x' } }), 'invalid'),
  bad('a resume of a consumer', json({ ...FRAMES.resume, stream: 'echo' }), 'unknown_stream'),
  bad('a position without a token', json({ ...FRAMES.subscribe, at: FRAMES.resume.at })),
  bad('a token without a position', json({ ...FRAMES.subscribe, token: FRAMES.resume.token })),
  bad('params with one too many', json({ ...FRAMES.subscribe, params: { blogId: 1, title: 'x' } }), 'invalid'),
  bad('params that are null', json({ ...FRAMES.subscribe, params: { blogId: null } }), 'invalid'),
  bad('a group that may not be asked for', json({ ...FRAMES.subscribe, params: { blogId: 666 } }), 'forbidden'),
  bad('a create into a group that is not one’s own', json({ ...FRAMES.create, params: { blogId: 666 } }), 'forbidden'),
  bad('a write to what is read-only', json({ ...FRAMES.update, stream: 'labels', data: { name: 'x' } }), 'read_only'),
  bad('a delete of what is read-only', json({ ...FRAMES.delete, stream: 'labels' }), 'read_only'),
  bad('a message to a binding', json({ ...FRAMES.message, stream: 'posts' }), 'unknown_stream'),
  bad('a subscription to a consumer', json({ ...FRAMES.subscribe, stream: 'echo' }), 'unknown_stream'),
  bad('a second hello', json(FRAMES.hello)),
];

/** Of the shape, by nobody's hand: none of it is a right to anything, and none of it an error. */
const FORGED = [
  ...[
    '',
    '.',
    '..',
    'a',
    'a.b',
    'a.b.c',
    'WyIxIl0',
    'WyIxIl0.',
    '.bWFj',
    'WyIxIl0.bWFj',
    'e30.',
    'bnVsbA.',
    'null',
    '[]',
    '{}',
    '=.=',
    '%00',
  ],
  ...['eyJhbGciOiJub25lIn0.e30.', `W10.${'A'.repeat(43)}`, `.${'A'.repeat(43)}`, `${'A'.repeat(43)}.${'A'.repeat(43)}`, '\u0000', '💥.💥'],
  ...[`WyIxIl0.${'A'.repeat(50_000)}`, `${'.'.repeat(10_000)}`, `${'A'.repeat(60_000)}.`],
];
const POSITIONS = ['0000000000000000', '0000000000000001', '7fffffffffffffff', 'ffffffffffffffff'];
const TOKENS = [...FORGED, ...INJECTIONS].flatMap((token, which) => [
  bad(`token ${json(token.slice(0, 40))}`, json({ ...FRAMES.resume, at: POSITIONS[which % POSITIONS.length], token }), 'token_invalid'),
  bad(`newer credentials ${json(token.slice(0, 40))}`, json({ ...FRAMES.refresh, token }), 'forbidden'),
]);

export const BAD_INPUT: Readonly<Record<string, readonly BadInput[]>> = {
  'not JSON': NOT_JSON,
  'no object': NOT_OBJECTS,
  'cut off': TRUNCATED,
  'unknown types': TYPES,
  'unknown keys': EXTRA,
  'missing keys': MISSING,
  'wrong types': WRONG_TYPES,
  'prototypes and repeated keys': PROTOTYPES,
  surrogates: SURROGATES,
  depth: DEEP,
  'unknown streams': STREAMS,
  injections: INJECTED,
  keys: KEYS,
  'mass assignment': FOREIGN,
  values: VALUES,
  tokens: TOKENS,
  rest: REST,
};
