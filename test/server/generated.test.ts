import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindingFor, consumer, groupBy } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// Messages that nobody thought of. How many: GENERATED=100000, or 2,000.
const MANY = Number(process.env['GENERATED'] ?? 2_000);
const AT_ONCE = 20;
const TIMED = { timeout: Math.max(60_000, MANY * 20) };
/** How a connection may end that sent nothing but nonsense. */
const ENDS = new Set([1009, 4000, 4001, 4002]);

const binding = bindingFor<null>();
let database: TestDatabase;
let w: World<Record<never, never>>;
let nonce = 0;

beforeAll(async () => {
  const [kind] = databases;
  if (!kind) throw new Error('there is no database to test on');
  database = await kind.open();
  await database.run(
    "INSERT INTO post (blog_id, title, owner, secret) VALUES (1, 'open', 'ann', 'canary-1'), (2, 'canary-2', 'bob', 'canary-3')",
  );
  const posts = binding(database.models.post, {
    fields: ['blogId', 'title', 'body'],
    writable: ['title', 'body'],
    groupNames: groupBy('blogId'),
    canSubscribe: (_user, { blogId }) => blogId === 1,
    hasPermission: (_user, action, _pk, { before }) => action === 'update' && before?.blogId === 1,
  });
  w = (await world({ source: database.source, bindings: { posts } })) as never;
  const echo = consumer({ receive: (content, { reply }) => reply(content) });
  w.live.endpoint('/', { consumers: { posts, echo } as never, limits: { burst: 1e9, framesPerSecond: 1e9 } });
});
afterAll(async () => {
  await w[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const stream = fc.oneof(fc.constantFrom('posts', 'echo', '__proto__', 'constructor', ''), fc.string());
const position = fc.oneof(fc.constantFrom('0000000000000000', 'ffffffffffffffff'), fc.string());
const value = fc.oneof(fc.jsonValue(), fc.constantFrom(1, 2, -1, 0, 2 ** 53, 1e308, null, '1', "1' OR '1'='1"));
const params = fc.oneof(fc.record({ blogId: value }, { requiredKeys: [] }), fc.jsonValue());
const FIELDS = {
  id: fc.oneof(fc.integer(), value),
  stream,
  action: fc.oneof(fc.constantFrom('create', 'update', 'delete', 'truncate'), value),
  pk: value,
  data: fc.oneof(
    fc.record({ title: value, body: value, blogId: value, owner: value, secret: value, ['__proto__']: value }, { requiredKeys: [] }),
    value,
  ),
  params,
  if: value,
  at: position,
  token: fc.string(),
  view: value,
  mark: value,
  client: fc.string(),
  command: fc.string(),
  input: value,
  writes: fc.array(fc.record({ stream, action: fc.constantFrom('create', 'update', 'delete'), pk: value, data: value })),
  payload: value,
};
const TYPES = ['hello', 'subscribe', 'unsubscribe', 'write', 'batch', 'call', 'message', 'at', 'refresh', 'nothing'];
const framed = fc
  .record({ type: fc.oneof(fc.constantFrom(...TYPES), value), ...FIELDS }, { requiredKeys: ['type'] })
  .map((frame) => JSON.stringify(frame));
/** What might be asked in earnest, for what is hidden too: without it nothing of that could ever be told. */
const likely = fc
  .oneof(
    fc.record({
      type: fc.constant('subscribe'),
      id: fc.nat(),
      stream: fc.constant('posts'),
      params: fc.record({ blogId: fc.constantFrom(1, 2, '2') }),
    }),
    fc.record({
      type: fc.constant('write'),
      id: fc.nat(),
      stream: fc.constant('posts'),
      action: fc.constantFrom('create', 'update', 'delete'),
      pk: fc.constantFrom(1, 2),
      data: fc.record({ title: fc.string() }),
    }),
  )
  .map((frame) => JSON.stringify(frame));
/** A frame of which a part is something else. */
const broken = fc
  .tuple(framed, fc.nat(), fc.nat(8), fc.string())
  .map(([text, at, gone, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + gone));
const message = fc.oneof(
  { weight: 1, arbitrary: likely },
  { weight: 4, arbitrary: framed },
  { weight: 3, arbitrary: broken },
  fc.json(),
  fc.string({ unit: 'binary' }),
);

const hidden = (): Promise<unknown> => database.all('SELECT * FROM post WHERE blog_id = 2');

test('generated messages: the server goes on, nothing hidden is told or written, and every end has a reason', TIMED, async () => {
  const [before, names] = [await hidden(), Object.getOwnPropertyNames(Object.prototype)];
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (messages) => {
      const viewer = await w.viewer('/', { attends: false });
      for (const text of messages) viewer.send(text);
      const said = `still here ${++nonce}`;
      viewer.send({ type: 'message', stream: 'echo', payload: said });
      const alive = await viewer
        .until((frame): frame is Extract<typeof frame, { type: 'message' }> => frame.type === 'message' && frame.payload === said)
        .then(
          () => true,
          () => false,
        );
      if (!alive) expect(ENDS).toContain((await viewer.closed).code);
      expect(viewer.saw('canary')).toBe(false);
      await viewer.close();
    }),
    { numRuns: Math.ceil(MANY / AT_ONCE) },
  );
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(await hidden()).toEqual(before);
  expect(w.notes.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
