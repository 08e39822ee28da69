import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindingFor, consumer, groupBy } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import type { Viewer } from '../support/viewer.ts';
import { world, type World } from '../support/world.ts';
import { BAD_INPUT } from './bad-input.ts';

// Whatever comes: a typed error, no crash, no change of state, and a socket that can still be used.

const binding = bindingFor<null>();

test('there are at least 900 of them', () => {
  const texts = Object.values(BAD_INPUT).flatMap((inputs) => inputs.map(({ text }) => text));
  expect(new Set(texts).size).toBeGreaterThanOrEqual(900);
});

describe.each(databases)('on $name', ({ open }) => {
  let database: TestDatabase;
  let w: World<Record<never, never>>;
  let viewer: Viewer;
  let watcher: Viewer;
  let ids = 1_000;

  beforeAll(async () => {
    database = await open();
    await database.run(
      "INSERT INTO post (blog_id, title, owner, secret) VALUES (1, 'kept', 'ann', 'canary'), (2, 'also kept', 'bob', 'canary')",
    );
    const posts = binding(database.models.post, {
      fields: ['blogId', 'title', 'body'],
      writable: ['title', 'body'],
      groupNames: groupBy('blogId'),
      canSubscribe: (_user, { blogId }) => blogId !== 666,
      hasPermission: () => true,
    });
    const labels = binding(database.models.label, { fields: ['name'], groupNames: () => ['labels'] });
    w = (await world({ source: database.source, bindings: { posts, labels } })) as never;
    const echo = consumer({ receive: (content, { reply }) => reply(content) });
    w.live.endpoint('/', {
      consumers: { posts, labels, echo } as never,
      connectionGroups: () => ['labels', posts.group({ blogId: 1 })],
      limits: { burst: 1e9, framesPerSecond: 1e9 },
    });
    viewer = await w.viewer('/');
    watcher = await w.viewer('/');
    await viewer.next('welcome');
  });

  afterAll(async () => {
    await w[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const state = async (): Promise<string> =>
    JSON.stringify([
      await database.all('SELECT * FROM post ORDER BY id'),
      await database.all('SELECT * FROM label'),
      Object.getOwnPropertyNames(Object.prototype),
    ]);

  test.each(Object.entries(BAD_INPUT).flatMap(([group, inputs]) => inputs.map((input) => ({ group, ...input }))))(
    '$group: $name',
    async ({ text, codes }) => {
      const before = await state();
      viewer.send(text.replace('"id":1,', `"id":${++ids},`)); // an id used twice would be refused for that alone
      const answer = await viewer.until((frame): frame is Extract<typeof frame, { type: 'error' | 'result' | 'reset' }> =>
        /^(error|result|reset)$/.test(frame.type),
      );
      if (answer.type === 'reset') {
        // What it may have anyway, read anew: it is let go of, so that the next one asks for it again.
        expect(codes).toContain(answer.reason);
        viewer.send({ type: 'unsubscribe', view: answer.views[0] });
      } else expect(codes).toContain('code' in answer ? answer.code : 'ok');
      viewer.send({ type: 'message', stream: 'echo', payload: text.length });
      expect(await viewer.next('message')).toMatchObject({ payload: text.length });
      expect(await state()).toBe(before);
    },
  );

  test('none of it reached anybody, or told anything of the database', async () => {
    await w.live.settled();
    await watcher.caughtUp();
    expect(watcher.changes).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    for (const leak of ['canary', 'blog_id', 'SQLITE', 'syntax error', 'node:', 'at Object', '/src/']) {
      const told = viewer.frames.filter((frame) => frame.type === 'error' || frame.type === 'result').map((frame) => JSON.stringify(frame));
      // A refused field is named to who named it.
      expect(told.filter((text) => text.includes(leak) && !text.includes('"unknown_field"'))).toEqual([]);
    }
    expect(w.notes.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a token with anything of it changed is a token of nobody', async () => {
    const asked = { type: 'subscribe', stream: 'posts', params: { blogId: 1 } };
    viewer.send({ ...asked, id: ++ids });
    const { view: first, position, token } = await viewer.next('ready');
    let view = first;
    const bring = async (brought: string): Promise<unknown> => {
      viewer.send({ type: 'unsubscribe', view });
      viewer.send({ ...asked, id: ++ids, at: position, token: brought });
      ({ view } = await viewer.next('subscribed'));
      const next = await viewer.until((frame): frame is Extract<typeof frame, { type: 'reset' | 'ready' }> =>
        /^(reset|ready)$/.test(frame.type),
      );
      if (next.type === 'ready') return 'gone on from';
      await viewer.next('ready');
      return next.reason;
    };
    expect(await bring(token)).toBe('gone on from');
    // The last character of a MAC has bits that mean nothing.
    for (let at = 0; at < token.length - 1; at += 3) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(await bring(token.slice(0, at) + other + token.slice(at + 1))).toBe('token_invalid');
      expect(await bring(token.slice(0, at))).toBe('token_invalid');
    }
    expect(await bring(token)).toBe('gone on from');
    viewer.send({ type: 'unsubscribe', view });
  });

  test('bytes are refused like any other nonsense', async () => {
    viewer.socket.send(Buffer.from([0, 255, 1]));
    expect(await viewer.next('error')).toMatchObject({ code: 'bad_frame' });
  });

  test('what looks like SQL is stored as the text it is', async () => {
    for (const title of ["'; DROP TABLE post; --", '$1 ? :x \\', 'ünï \u202e🎈 e\u0301 é', '']) {
      const answer = await viewer.write('posts', 'update', { pk: 1, data: { title } });
      expect(answer).toMatchObject({ ok: true });
      await expect.poll(() => database.all('SELECT title FROM post WHERE id = 1')).toEqual([{ title }]);
    }
  });

  test('a text the database cannot hold exactly is refused, not changed', async () => {
    const answer = await viewer.write('posts', 'update', { pk: 1, data: { title: 'a\u0000b' } });
    const [row] = await database.all('SELECT title FROM post WHERE id = 1');
    if (answer.ok) expect(row?.title).toBe('a\u0000b');
    else expect([answer.code, row?.title]).toEqual(['invalid', '']);
  });
});
