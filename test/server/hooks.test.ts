import { sql, type SQL } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { bindingFor } from '../../src/main/index.ts';
import { databases, type TestDatabase } from '../support/databases.ts';
import { world } from '../support/world.ts';

// Hooks that replace one step of a write run in the write's own transaction, and what they leave for after it runs after it.

/** Drizzle's transaction, as both dialects have it. */
interface Tx {
  execute(query: SQL): Promise<{ readonly rows: readonly { readonly id: number }[] }>;
  get(query: SQL): { readonly id: number };
  run(query: SQL): unknown;
}

const binding = bindingFor<null, Tx>();

async function served(database: TestDatabase) {
  const postgres = database.models.post.dialect === 'postgres';
  const returning = (tx: Tx, query: SQL) => (postgres ? tx.execute(query).then(({ rows }) => rows[0]?.id ?? 0) : tx.get(query).id);
  const running = (tx: Tx, query: SQL): void | Promise<void> => (postgres ? tx.execute(query).then(() => undefined) : void tx.run(query));
  const done: unknown[] = [];
  const fail = (title: unknown): void => {
    if (title === 'fail') throw new Error('canary: on purpose');
  };
  const posts = binding(database.models.post, {
    fields: ['title', 'body'],
    writable: ['title'],
    groupNames: () => ['all'],
    hasPermission: (_user, _action, _pk, { data }) => data.title !== 'forbidden',
    create: ({ tx, data, before, pk, after }) => {
      after(() => void done.push(['created', data.title, before, pk]));
      const id = returning(tx, sql`INSERT INTO post (title, body) VALUES (${data.title}, 'by the hook') RETURNING id`);
      fail(data.title);
      return id;
    },
    update: ({ tx, data, before, pk, after }) => {
      after(() => void done.push(['updated', before?.title, data.title, pk]));
      after(() => {
        throw new Error('canary: after');
      });
      const made = running(tx, sql`UPDATE post SET title = ${data.title}, body = 'changed by the hook' WHERE id = ${pk}`);
      fail(data.title);
      return made;
    },
    delete: ({ tx, before, pk, after }) => {
      after(() => void done.push(['deleted', before?.title]));
      return running(tx, sql`UPDATE post SET body = 'kept by the hook' WHERE id = ${pk}`);
    },
  });
  const w = await world({ source: database.source, bindings: { posts } });
  w.live.endpoint('/', { connectionGroups: () => ['all'] });
  return { w, done, viewer: await w.viewer('/') };
}

describe.each(databases)('on $name', ({ open }) => {
  test('create, update and delete do what their hooks do, and what was left for after runs once', async () => {
    await using database = await open();
    const { w, done, viewer } = await served(database);
    await using _ = w;
    expect(await viewer.write('posts', 'create', { data: { title: 'a' } })).toMatchObject({ ok: true, pk: 1 });
    expect((await viewer.next('commit')).changes).toEqual([[1, 'create', 1, { title: 'a', body: 'by the hook' }]]);
    expect(await viewer.write('posts', 'update', { pk: 1, data: { title: 'b' } })).toMatchObject({ ok: true, pk: 1 });
    expect((await viewer.next('commit')).changes).toEqual([[1, 'update', 1, { title: 'b', body: 'changed by the hook' }]]);
    expect(await viewer.write('posts', 'delete', { pk: 1 })).toMatchObject({ ok: true, pk: 1 });
    expect((await viewer.next('commit')).changes).toEqual([[1, 'update', 1, { title: 'b', body: 'kept by the hook' }]]);
    await expect
      .poll(() => done)
      .toEqual([
        ['created', 'a', null, null],
        ['updated', 'a', 'b', 1],
        ['deleted', 'b'],
      ]);
    await w.notes.holds('an `after` function failed');
  });

  test('a hook that throws has written nothing and left nothing for after; the answer says nothing of why', async () => {
    await using database = await open();
    const { w, done, viewer } = await served(database);
    await using _ = w;
    await database.run("INSERT INTO post (title) VALUES ('kept')");
    for (const [action, about] of [
      ['create', { data: { title: 'fail' } }],
      ['update', { pk: 1, data: { title: 'fail' } }],
    ] as const) {
      expect(await viewer.write('posts', action, about)).toMatchObject({ ok: false, code: 'internal' });
    }
    expect(await viewer.write('posts', 'update', { pk: 1, data: { title: 'forbidden' } })).toMatchObject({ code: 'forbidden' });
    expect(await database.all('SELECT title FROM post')).toEqual([{ title: 'kept' }]);
    await w.live.settled();
    await viewer.caughtUp();
    expect(done).toEqual([]);
    expect(viewer.saw('canary')).toBe(false);
  });
});
