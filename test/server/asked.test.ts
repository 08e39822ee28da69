import { sql, type SQL } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFor, commandFor, consumer, groupBy, refuse, type Answer } from '../../src/main/index.ts';
import type { ServerFrame } from '../../src/protocol/index.ts';
import { databases, models, type TestDatabase } from '../support/databases.ts';
import type { Viewer } from '../support/viewer.ts';
import { world } from '../support/world.ts';

// Preconditions, batches, commands, and what is asked in the name of a client that is gone.

interface Member {
  readonly id: string;
}

/** Drizzle's transaction, as both dialects have it. */
interface Tx {
  execute(query: SQL): Promise<unknown>;
  run(query: SQL): unknown;
}

const binding = bindingFor<Member, Tx>();
const command = commandFor<Member, Tx>();

/** Posts of blog 1 are everybody's to see; those of blog 2 are nobody's, and may be written by all the same. */
async function served(database: TestDatabase) {
  const onPostgres = database.models.post.dialect === 'postgres';
  const run = (tx: Tx, query: SQL): void | Promise<void> => (onPostgres ? tx.execute(query).then(() => undefined) : void tx.run(query));
  const done: unknown[] = [];
  const posts = binding(database.models.post, {
    fields: ['title', 'body'],
    writable: ['title', 'body', 'blogId'],
    groupNames: groupBy('blogId'),
    hasPermission: (_user, _action, _pk, { before, data }) => before?.title !== 'locked' && data.title !== 'forbidden',
  });
  const values = binding(database.models.integerValue, { fields: ['name', 'value'], groupNames: () => ['all'], hasPermission: () => true });
  const hooked = binding(database.models.thing, {
    fields: ['name'],
    groupNames: () => ['all'],
    hasPermission: () => true,
    delete: ({ before, after }) => {
      after(() => void done.push(`gone ${before?.name}`));
      if (before?.name === 'kept') refuse('conflict', 'it is in use');
    },
  });
  const publish = command({
    input: z.object({ id: z.number().int('is no id'), note: z.string().max(5, 'is too long').default('none') }),
    allow: (user, { note }) => {
      if (note === 'throw') throw new Error('canary: allow');
      return user.id !== 'guest';
    },
    run(tx, { id, note }, { user, after }) {
      after(() => void done.push(`${user.id} published ${id}`));
      if (note === 'boom') throw new Error('canary: run');
      const made = run(tx, sql`UPDATE post SET body = ${note} WHERE id = ${id}`);
      if (note === 'no') refuse('invalid', 'it has no body', { body: 'is empty' });
      const told = { id, at: new Date(0), big: 9007199254740993n, left: undefined };
      return made instanceof Promise ? made.then(() => told) : told;
    },
  });
  const quiet = command({ input: z.null(), allow: () => true, run: () => undefined });
  const long = command({ input: z.number(), allow: () => true, run: (_tx, bytes) => 'x'.repeat(bytes) });
  const denied = command({ input: z.unknown(), run: () => 1 });
  const bindings = { posts, values, hooked };
  const w = await world({ source: database.source, bindings });
  w.live.endpoint('/', {
    consumers: { ...bindings, publish, quiet, long, denied, chat: consumer({}) },
    connectionGroups: () => ['all', posts.group({ blogId: 1 })],
    authenticate: (request) => ({ id: request.headers.get('x-user') ?? 'ann' }),
  });
  const asking = (viewer: Viewer) => {
    let id = 0;
    return (frame: object): Promise<Answer & { readonly position?: string }> => {
      viewer.send({ type: 'write', id: ++id, ...frame });
      return viewer.answer(id);
    };
  };
  const titles = async (): Promise<unknown> => (await database.all('SELECT title FROM post ORDER BY id')).map((row) => row['title']);
  return { w, done, asking, titles };
}

const frameOf = (viewer: Viewer, wanted: (frame: ServerFrame) => boolean): ServerFrame | undefined => viewer.frames.find(wanted);

describe.each(databases)('on $name', ({ open }) => {
  test('a write whose `if` is the row as it is is done; another is a conflict, with the row as it is and nothing else of it', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title, body) VALUES (1, 'one', 'b')");
    const { w, asking, titles } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    const ask = asking(viewer);
    const update = { stream: 'posts', action: 'update', pk: 1, data: { title: 'two' } };
    expect(await ask({ ...update, if: { title: 'one', body: 'b' } })).toMatchObject({ ok: true, pk: 1 });
    viewer.send({ type: 'write', id: 1, ...update, if: { body: 'b', title: 'one' } });
    expect(await viewer.answer(1)).toMatchObject({ ok: true, pk: 1 }); // the same, asked again
    viewer.send({ type: 'write', id: 1, ...update, if: { title: 'one' } });
    expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'key_reused' });
    const refused = await ask({ ...update, data: { title: 'three' }, if: { title: 'one', body: 'b' } });
    expect(refused).toMatchObject({ ok: false, code: 'conflict', row: { title: 'two', body: 'b' } });
    expect(refused).toMatchObject({ message: expect.stringContaining('title is not') as string });
    expect(await ask({ stream: 'posts', action: 'delete', pk: 1, if: { body: 'c', title: 'two' } })).toMatchObject({ code: 'conflict' });
    expect(await ask({ stream: 'posts', action: 'delete', pk: 1, if: { secret: 'x' } })).toMatchObject({
      code: 'unknown_field',
      fields: { secret: 'is not a field of this stream' },
    });
    expect(await titles()).toEqual(['two']);
    expect(viewer.saw('canary')).toBe(false);
    expect(await ask({ stream: 'posts', action: 'delete', pk: 1, if: {} })).toMatchObject({ ok: true });
    await expect.poll(titles).toEqual([]);
  });

  test('a row that the writer does not see is not there for an `if`, whether it matches or not, and though it may be written', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title, body) VALUES (2, 'canary', 'b')");
    const { w, asking, titles } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    const ask = asking(viewer);
    const update = { stream: 'posts', action: 'update', pk: 1, data: { title: 'two' } };
    for (const title of ['canary', 'other']) expect(await ask({ ...update, if: { title } })).toMatchObject({ code: 'not_found' });
    expect(viewer.saw('canary')).toBe(false);
    expect(await ask(update)).toMatchObject({ ok: true });
    await expect.poll(titles).toEqual(['two']);
  });

  test('who may not write a row hears that, and not whether it is what `if` says', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title, body) VALUES (1, 'locked', 'b')");
    const { w, asking } = await served(database);
    await using _ = w;
    const ask = asking(await w.viewer('/'));
    const refused = await ask({ stream: 'posts', action: 'update', pk: 1, data: { body: 'x' }, if: { body: 'other' } });
    expect(refused).toEqual({ type: 'result', id: 1, ok: false, code: 'forbidden', message: expect.any(String) as string });
  });

  test('a batch is one commit, in its order, over several streams', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title) VALUES (1, 'one'), (1, 'two')");
    const { w } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    const writes = [
      { stream: 'posts', action: 'update', pk: 1, data: { title: 'first' } },
      { stream: 'values', action: 'create', data: { name: 'n', value: 7 } },
      { stream: 'posts', action: 'delete', pk: 2, if: { title: 'two' } },
    ];
    viewer.send({ type: 'batch', id: 5, writes });
    const answer = await viewer.answer(5);
    expect(answer).toMatchObject({ ok: true, pks: [1, 1, 2] });
    const commit = await viewer.next('commit');
    expect(commit.position).toBe(answer.position);
    expect(new Set(commit.changes.map(([, action, pk]) => `${action} ${pk}`))).toEqual(new Set(['update 1', 'create 1', 'delete 2']));
    viewer.send({ type: 'batch', id: 5, writes });
    expect(await viewer.answer(5)).toMatchObject({ ok: true, pks: [1, 1, 2] });
    viewer.send({ type: 'batch', id: 5, writes: writes.slice(1) });
    expect(await viewer.answer(5)).toMatchObject({ ok: false, code: 'key_reused' });
  });

  test.each<[string, object, object]>([
    ['a stream that is not there', { stream: 'nothing', action: 'delete', pk: 1 }, { code: 'unknown_stream', at: 1 }],
    ['a command', { stream: 'publish', action: 'delete', pk: 1 }, { code: 'unknown_stream', at: 1 }],
    ['a field that is not writable', { stream: 'posts', action: 'update', pk: 1, data: { secret: 'x' } }, { code: 'unknown_field', at: 1 }],
    ['a row that is not there', { stream: 'posts', action: 'delete', pk: 99 }, { code: 'not_found', at: 1 }],
    ['a permission', { stream: 'posts', action: 'update', pk: 1, data: { title: 'forbidden' } }, { code: 'forbidden', at: 1 }],
    [
      'an `if`',
      { stream: 'posts', action: 'delete', pk: 1, if: { title: 'x' } },
      { code: 'conflict', at: 1, row: { title: 'one', body: '' } },
    ],
    ['a rule of the database', { stream: 'values', action: 'create', data: { name: 'taken', value: 1 } }, { code: 'invalid', at: 1 }],
    [
      'a hook',
      { stream: 'hooked', action: 'delete', pk: '0b0d5f0e-3c1a-4f6e-9a55-6a1f6ad0c6b1' },
      { code: 'conflict', at: 1, message: 'it is in use' },
    ],
  ])('a batch of which one is refused does nothing, and says which: %s', async (_why, write, refusal) => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title) VALUES (1, 'one')");
    await database.run("INSERT INTO integer_value (name, value) VALUES ('taken', 1)");
    await database.run("INSERT INTO thing (id, name) VALUES ('0b0d5f0e-3c1a-4f6e-9a55-6a1f6ad0c6b1', 'kept')");
    const { w, titles, done } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    const before = { stream: 'posts', action: 'update', pk: 1, data: { title: 'changed' } };
    viewer.send({
      type: 'batch',
      id: 1,
      writes: [before, write, { stream: 'posts', action: 'create', data: { title: 'x' }, params: { blogId: 1 } }],
    });
    expect(await viewer.answer(1)).toMatchObject({ ok: false, ...refusal });
    await w.live.settled();
    await viewer.caughtUp();
    expect(viewer.changes).toEqual([]);
    expect([await titles(), done]).toEqual([['one'], []]);
  });

  test('a batch that is too long is refused whole', async () => {
    await using database = await open();
    const { w } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    const writes = Array.from({ length: 101 }, (_each, n) => ({ stream: 'values', action: 'create', data: { name: `n${n}`, value: n } }));
    viewer.send({ type: 'batch', id: 1, writes });
    expect(await viewer.answer(1)).toMatchObject({ ok: false, code: 'too_large' });
    viewer.send({ type: 'batch', id: 2, writes: writes.slice(1) });
    expect(await viewer.answer(2)).toMatchObject({ ok: true, pks: writes.slice(1).map((_each, n) => n + 1) });
  });

  test('a command is one commit, answered with what it gave; asked again it is answered again, and done once', async () => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title) VALUES (1, 'one')");
    const { w, done } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/', { hello: 'a-client-name' });
    const call = { type: 'call', id: 3, stream: 'publish', input: { id: 1 } };
    viewer.send(call);
    const answer = await viewer.answer(3);
    expect(answer).toMatchObject({ ok: true, value: { id: 1, at: '1970-01-01T00:00:00.000Z', big: '9007199254740993' } });
    expect(await viewer.next('commit')).toMatchObject({
      position: answer.position,
      changes: [[1, 'update', 1, { title: 'one', body: 'none' }]],
    });
    const again = await w.viewer('/', { hello: 'a-client-name' });
    again.send(call);
    expect(await again.answer(3)).toMatchObject({ ok: true, value: { id: 1 } });
    again.send({ ...call, input: { id: 2 } });
    expect(await again.answer(3)).toMatchObject({ code: 'key_reused' });
    again.send({ type: 'call', id: 4, stream: 'quiet', input: null });
    expect(await again.answer(4)).toMatchObject({ ok: true, value: null });
    await w.live.settled();
    await again.caughtUp();
    expect(done).toEqual(['ann published 1']);
    expect(again.changes).toEqual([]);
  });

  test.each<[string, object, object]>([
    [
      'its input is not what the schema says',
      { input: { id: 'x', note: 'too long' } },
      { code: 'invalid', fields: { note: 'is too long' } },
    ],
    ['its input is nothing of the kind', { input: null }, { code: 'invalid', fields: { '*': expect.any(String) as string } }],
    ['it refuses', { input: { id: 1, note: 'no' } }, { code: 'invalid', message: 'it has no body', fields: { body: 'is empty' } }],
    ['`allow` throws', { input: { id: 1, note: 'throw' } }, { code: 'forbidden' }],
    ['it throws', { input: { id: 1, note: 'boom' } }, { code: 'internal' }],
    ['nobody may', { stream: 'denied', input: 1 }, { code: 'forbidden' }],
    ['it gives too much', { stream: 'long', input: 4_095 }, { code: 'internal' }],
    ['it is a binding', { stream: 'posts', input: 1 }, { code: 'unknown_stream', message: '"posts" is no command: write to it' }],
    ['it is a consumer', { stream: 'chat', input: 1 }, { code: 'unknown_stream', message: '"chat" is no command: it takes messages' }],
    ['it is not there', { stream: 'nothing', input: 1 }, { code: 'unknown_stream' }],
  ])('a call is refused, and nothing is done, when %s', async (_why, about, refusal) => {
    await using database = await open();
    await database.run("INSERT INTO post (blog_id, title) VALUES (1, 'one')");
    const { w, done } = await served(database);
    await using _ = w;
    const viewer = await w.viewer('/');
    viewer.send({ type: 'call', id: 1, stream: 'publish', ...about });
    expect(await viewer.answer(1)).toMatchObject({ ok: false, ...refusal });
    await w.live.settled();
    await viewer.caughtUp();
    expect([viewer.changes, done, viewer.saw('canary')]).toEqual([[], [], false]);
  });

  test('who may not call it is told so; a message is not a call; what a command gives up to 4 KiB is told', async () => {
    await using database = await open();
    const { w } = await served(database);
    await using _ = w;
    const guest = await w.viewer('/', { headers: { 'x-user': 'guest' } });
    guest.send({ type: 'call', id: 1, stream: 'publish', input: { id: 1 } });
    expect(await guest.answer(1)).toMatchObject({ ok: false, code: 'forbidden' });
    guest.send({ type: 'message', stream: 'publish', payload: { id: 1 } });
    expect(await guest.next('error')).toMatchObject({
      code: 'unknown_stream',
      message: '"publish" takes no messages: it is a command, call it',
    });
    guest.send({ type: 'write', id: 2, stream: 'publish', action: 'delete', pk: 1 });
    expect(await guest.answer(2)).toMatchObject({ code: 'unknown_stream' });
    guest.send({ type: 'call', id: 3, stream: 'long', input: 4_094 });
    expect(await guest.answer(3)).toMatchObject({ ok: true, value: 'x'.repeat(4_094) });
    expect(guest.frames[0]).toMatchObject({ type: 'welcome', streams: { publish: null, chat: null } });
  });

  test('another page of the same user asks for what a closed one left: done once, answered in its name', async () => {
    await using database = await open();
    const { w } = await served(database);
    await using _ = w;
    const create = { type: 'write', id: 1, stream: 'values', action: 'create', data: { name: 'n', value: 1 } };
    const first = await w.viewer('/', { hello: 'the-closed-page' });
    first.send(create);
    expect(await first.answer(1)).toMatchObject({ ok: true, pk: 1 });
    await first.close();
    const second = await w.viewer('/', { hello: 'the-other-page' });
    second.send({ ...create, client: 'the-closed-page' });
    expect(await second.answer(1)).toMatchObject({ client: 'the-closed-page', ok: true, pk: 1 });
    second.send({ ...create, data: { name: 'own', value: 1 } }); // its own number 1 is another
    const own = await second.answer(1);
    expect(own).toMatchObject({ ok: true, pk: 2 });
    expect(own).not.toHaveProperty('client');
    const other = await w.viewer('/', { headers: { 'x-user': 'bob' } });
    other.send({ ...create, data: { name: 'of bob', value: 1 }, client: 'the-closed-page' });
    expect(await other.answer(1)).toMatchObject({ client: 'the-closed-page', ok: true, pk: 3 });
    expect(frameOf(second, (frame) => frame.type === 'error')).toBeUndefined();
  });
});

test.each([
  [
    'a call too deep',
    `{"type":"call","id":9,"client":"another-page","stream":"s","input":${'['.repeat(40)}${']'.repeat(40)}}`,
    'too_large',
  ],
  ['a batch of nothing', '{"type":"batch","id":9,"client":"another-page","writes":[]}', 'bad_frame'],
  ['a write with a key too many', '{"type":"write","id":9,"client":"another-page","x":1}', 'bad_frame'],
])('what is no frame of its kind has its result, in the name it was asked in: %s', async (_what, text, code) => {
  await using w = await world({ bindings: { intval: bindingFor()(models.integerValue, { fields: ['name'], groupNames: () => ['all'] }) } });
  w.live.endpoint('/');
  const viewer = await w.viewer('/');
  viewer.send(text);
  const message = expect.any(String) as string;
  expect(await viewer.answer(9)).toEqual({ type: 'result', id: 9, client: 'another-page', ok: false, code, message });
});
