import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bindingFor, groupBy, type Bindings } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

interface Member {
  readonly id: string;
}
const binding = bindingFor<Member | null>();

async function on<B extends Bindings>(database: TestDatabase, bindings: B): Promise<World<B>> {
  const w = await world({ source: database.source, bindings });
  w.live.endpoint('/', {
    connectionGroups: () => ['all'],
    authenticate: (request: Request) => ({ id: request.headers.get('x-user') ?? 'ann' }) as never,
  });
  return w;
}

const hello = 'one-client-of-many';
const create = (id: number, name = 'n') => ({ type: 'write', id, stream: 'values', action: 'create', data: { name, value: 1 } });

describe.each(databases)('on $name', ({ open }) => {
  const values = ({ models }: TestDatabase) =>
    binding(models.integerValue, { fields: ['name', 'value'], groupNames: () => ['all'], hasPermission: () => true });
  // An answer may come by the log before other connections see what it answers.
  const count = async (database: TestDatabase): Promise<number> => (await database.all('SELECT id FROM integer_value')).length;

  test('a write asked again over another socket is answered again and applied once; with another body it is refused', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const [one, two] = [await w.viewer('/', { hello }), await w.viewer('/', { hello })];
    one.send(create(1));
    const first = await one.answer(1);
    expect(first).toMatchObject({ ok: true, pk: 1 });
    two.send(create(1));
    expect(await two.answer(1)).toMatchObject({ ok: true, pk: 1 });
    two.send({ ...create(1), data: { value: 1, name: 'n' } }); // the same body, its keys in another order
    expect(await two.answer(1)).toMatchObject({ ok: true, pk: 1 });
    two.send(create(1, 'other'));
    expect(await two.answer(1)).toMatchObject({ ok: false, code: 'key_reused' });
    await expect.poll(() => count(database)).toBe(1);
    await w.live.settled();
    await one.caughtUp();
    expect(one.changes).toHaveLength(1);
  });

  test('another user with the same client name and id writes for himself, and gets no answer of another’s', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const [ann, bob] = [await w.viewer('/', { hello }), await w.viewer('/', { hello, headers: { 'x-user': 'bob' } })];
    ann.send(create(1, 'ann'));
    bob.send(create(1, 'bob'));
    const [hers, his] = await Promise.all([ann.answer(1), bob.answer(1)]);
    expect([hers.ok, his.ok]).toEqual([true, true]);
    expect(new Set([hers, his].map((answer) => answer.ok && answer.pk)).size).toBe(2);
    await expect.poll(() => count(database)).toBe(2);
  });

  test('twins at once, over two sockets, are applied once, and the one asked last is answered', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const [one, two] = [await w.viewer('/', { hello }), await w.viewer('/', { hello })];
    for (let id = 1; id <= 20; id++) {
      one.send(create(id, `n${id}`));
      two.send(create(id, `n${id}`));
    }
    one.send({ ...create(100, 'end of one') });
    two.send({ ...create(101, 'end of two') });
    await Promise.all([one.answer(100), two.answer(101)]);
    await expect.poll(() => count(database)).toBe(22);
    for (let id = 1; id <= 20; id++) {
      const answers = [one, two].flatMap(({ frames }) => frames.filter((frame) => frame.type === 'result' && frame.id === id));
      expect(answers.length).toBeGreaterThanOrEqual(1);
      for (const answer of answers) expect(answer).toMatchObject({ ok: true });
    }
  });

  test('an answer goes out before the frame of its commit, in the same write, with the same position', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const viewer = await w.viewer('/');
    for (let n = 1; n <= 10; n++) {
      const answer = await viewer.write('values', 'create', { data: { name: `n${n}`, value: n } });
      const commit = await viewer.next('commit');
      expect(answer.position).toBe(commit.position);
    }
  });

  test('what is refused reads as a sentence: the field, and what it must be', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const one = await w.viewer('/', { hello });
    one.send({ ...create(1), data: { name: null, value: 'many' } });
    const { message, fields } = (await one.answer(1)) as { readonly message: string; readonly fields: Readonly<Record<string, string>> };
    expect(fields).toEqual({ name: 'is required', value: expect.stringMatching(/^must be a (whole )?number/) });
    expect(message).toBe(`name: is required; value: ${fields['value']}`);
  });

  test('hundred writes are answered in the order they were sent', async () => {
    await using database = await open();
    await using w = await on(database, { values: values(database) });
    const viewer = await w.viewer('/');
    for (let id = 1; id <= 100; id++) viewer.send(id % 3 === 0 ? { ...create(id), stream: 'nowhere' } : create(id, `n${id}`));
    const answered = new Set<number>();
    while (answered.size < 100) answered.add((await viewer.next('result')).id);
    const commits = viewer.frames.filter((frame) => frame.type === 'commit').map(({ position }) => position);
    expect(commits).toEqual([...commits].sort());
  });

  test('stamp wins over what was sent, and validators refuse by field, trim, and see the stamp', async () => {
    await using database = await open();
    const posts = binding(database.models.post, {
      fields: ['title', 'owner'],
      writable: ['title'],
      groupNames: () => ['all'],
      hasPermission: () => true,
      stamp: (user, action) => (action === 'create' ? { owner: user?.id ?? null } : {}),
      validate: {
        create: z.object({ title: z.string().trim().min(2, 'is too short').max(5), owner: z.literal('ann') }),
        update: z.object({ title: z.string().max(5, 'is too long') }),
      },
    });
    await using w = await on(database, { posts });
    const viewer = await w.viewer('/');
    expect(await viewer.write('posts', 'create', { data: { title: ' x ' } })).toMatchObject({
      ok: false,
      code: 'invalid',
      fields: { title: 'is too short' },
    });
    expect(await viewer.write('posts', 'create', { data: { title: ' fine ' } })).toMatchObject({ ok: true });
    expect((await viewer.next('commit')).changes[0]?.[3]).toEqual({ title: 'fine', owner: 'ann' });
    expect(await viewer.write('posts', 'update', { pk: 1, data: { title: 'far too long' } })).toMatchObject({
      fields: { title: 'is too long' },
    });
    expect(await database.all('SELECT title FROM post')).toEqual([{ title: 'fine' }]);
  });

  test('serialize decides what goes out, and null is in no group; deserialize what comes in', async () => {
    await using database = await open();
    const posts = binding(database.models.post, {
      fields: ['title'],
      writable: ['title'],
      groupNames: groupBy('blogId'),
      hasPermission: () => true,
      serialize: ({ title, published }) => (published ? { shouted: title.toUpperCase() } : null),
      deserialize: ({ quiet }) => ({ title: String(quiet) }),
    });
    const w = await world({ source: database.source, bindings: { posts } });
    await using _ = w;
    w.live.endpoint('/', { connectionGroups: () => [posts.group({ blogId: 1 })] });
    const viewer = await w.viewer('/');
    const yes = database.models.post.dialect === 'postgres' ? 'true' : '1';
    const no = database.models.post.dialect === 'postgres' ? 'false' : '0';
    const steps: unknown[] = [];
    for (const sql of [
      `INSERT INTO post (blog_id, title, published) VALUES (1, 'canary', ${no})`,
      `UPDATE post SET title = 'out', published = ${yes}`,
      `UPDATE post SET title = 'canary', published = ${no}`,
      `UPDATE post SET published = ${yes}, title = 'again'`,
    ]) {
      await database.run(sql);
      await w.live.settled();
    }
    await viewer.caughtUp();
    steps.push(...viewer.changes.map(([, action, , data]) => [action, data?.shouted]));
    expect(steps).toEqual([
      ['create', 'OUT'],
      ['delete', undefined],
      ['create', 'AGAIN'],
    ]);
    expect(viewer.saw('canary') || viewer.saw('CANARY')).toBe(false);
    expect(await viewer.write('posts', 'update', { pk: 1, data: { quiet: 'hush' } })).toMatchObject({ ok: true });
    expect((await viewer.next('commit')).changes).toBeDefined();
    await expect.poll(() => database.all('SELECT title FROM post')).toEqual([{ title: 'hush' }]);
  });

  test('a row hidden by serialize alone is not there for one who may not write it', async () => {
    await using database = await open();
    const posts = binding(database.models.post, {
      fields: ['title'],
      groupNames: () => ['all'],
      hasPermission: () => false,
      serialize: () => null,
    });
    await database.run("INSERT INTO post (title) VALUES ('hidden')");
    await using w = await on(database, { posts });
    const viewer = await w.viewer('/');
    expect(await viewer.write('posts', 'update', { pk: 1, data: { title: 'x' } })).toMatchObject({ code: 'not_found' });
  });

  test('a serializer that throws resets its own stream alone; on the seed’s wire the socket closes with 1013', async () => {
    await using database = await open();
    const bad = binding(database.models.integerValue, {
      fields: ['value'],
      groupNames: () => ['all'],
      serialize: () => {
        throw new Error('canary');
      },
    });
    const good = binding(database.models.integerValue, { fields: ['value'], groupNames: () => ['all'] });
    await using w = await on(database, { bad, good });
    const [viewer, seed] = [await w.viewer('/'), await w.viewer('/', { protocol: null })];
    await database.run("INSERT INTO integer_value (name, value) VALUES ('n', 1)");
    expect(await viewer.next('reset')).toMatchObject({ reason: 'serializer', views: [1] });
    expect((await viewer.next('commit')).changes).toEqual([[2, 'create', 1, { value: 1 }]]);
    expect((await seed.closed).code).toBe(1013);
    expect(viewer.saw('canary')).toBe(false);
    expect(w.notes.count('bad')).toBeGreaterThan(0);
  });
});
