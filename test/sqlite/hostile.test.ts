import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { expect, test } from 'vitest';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor } from '../../src/main/index.ts';
import { world } from '../support/world.ts';
import { freshWorld } from './fixture.ts';

const binding = bindingFor<unknown>();

test('a column that groupNames reads and that a migration renames leaks no byte: the stream is reset, and silent from then on', async () => {
  const database = freshWorld('node:sqlite');
  try {
    database.exec("CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT, secret INTEGER); INSERT INTO doc VALUES (1, 'canary 1', 1)");
    const doc = sqliteTable('doc', { id: integer().primaryKey(), title: text(), secret: integer() });
    const docs = binding(drizzle(doc), { fields: ['title'], groupNames: (row) => (row.secret ? ['admins'] : ['public']) });
    await using app = await world({ source: database.database(), bindings: { docs } });
    app.live.endpoint('/', { connectionGroups: () => ['public'] });
    const viewer = await app.viewer('/');
    await viewer.next('welcome');
    database.exec('ALTER TABLE doc RENAME COLUMN secret TO is_secret');
    database.exec("UPDATE doc SET title = 'canary 2'");
    await viewer.next('reset');
    await app.live.settled();
    for (const title of ['canary 3', 'canary 4']) {
      database.exec(`UPDATE doc SET title = '${title}'`);
      await app.live.settled();
    }
    await viewer.caughtUp();
    expect(viewer.changes).toEqual([]);
    expect(viewer.saw('canary')).toBe(false);
  } finally {
    await database.close();
  }
});

test('a client whose write an async hook failed is told `internal`, the log says how hooks are written, and no row comes later', async () => {
  const database = freshWorld('node:sqlite');
  try {
    database.exec('CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT)');
    const doc = sqliteTable('doc', { id: integer().primaryKey(), title: text() });
    const docs = binding(drizzle(doc), {
      fields: ['title'],
      writable: ['title'],
      groupNames: () => ['all'],
      hasPermission: () => true,
      create: (async ({ tx, data }: { tx: AsyncTx; data: { title: string } }) => {
        const [made] = await tx.insert(doc).values(data).returning();
        return made?.id;
      }) as never,
    });
    await using app = await world({ source: database.database(), bindings: { docs } });
    app.live.endpoint('/', { connectionGroups: () => ['all'], consumers: { docs } });
    const viewer = await app.viewer('/');
    await viewer.next('welcome');
    expect(await viewer.write('docs', 'create', { data: { title: 'late' } })).toMatchObject({ ok: false, code: 'internal' });
    await app.live.settled();
    expect(viewer.changes).toEqual([]);
    expect(await database.app.all('SELECT * FROM doc')).toEqual([]);
    const failures = app.notes.lines
      .map(({ about }) => String(about['err']))
      .filter((each) => each.includes('on SQLite hooks are synchronous'));
    expect(failures).toHaveLength(1);
  } finally {
    await database.close();
  }
});

interface AsyncTx {
  insert(table: unknown): { values(data: unknown): { returning(): PromiseLike<readonly { readonly id: number }[]> } };
}
