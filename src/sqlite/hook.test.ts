import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { drizzle } from 'drizzle-orm/better-sqlite3';
import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { Answer, OpenDatabase, Table } from '../core/index.ts';
import { rowWrite } from '../testing/store-write.ts';

const t = model('t', 'id integer, v text', 'id');
const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';
const schema = sqliteTable('t', { id: integer().primaryKey(), v: text() });

type Tx = ReturnType<typeof drizzle>;

async function created(open: OpenDatabase, run: (tx: Tx) => unknown, write = 1): Promise<Answer> {
  const { answer } = await open.store.write(
    rowWrite({
      table: open.tables.get(t) as Table,
      action: 'create',
      key: null,
      claim: { principal: 'p', receipt: { client: 'c', write }, hash: 'h' },
      judge: () => ({ verdict: 'hook', run: (tx) => run(tx as Tx) }),
    }),
  );
  return answer;
}

/** Rows, once everything that was left to run later has had its turn. */
async function rows(followed: Followed): Promise<readonly object[]> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return followed.world.app.all('SELECT * FROM t ORDER BY id');
}

const DEAD: object = { code: 'hook_invalid', message: expect.stringMatching(/synchronous.*\.run\(\), \.all\(\) or \.get\(\)/) as string };

const PROMISED: object = {
  code: 'hook_invalid',
  message: expect.stringMatching(/create hook of "t" returned a promise; on SQLite hooks are synchronous/) as string,
};

describe.each(DRIVERS)('hooks on SQLite (%s)', (driver) => {
  test('an async hook writes nothing, now or later, and fails with what to do', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    let late: unknown;
    const done = created(open, async (tx) => {
      try {
        const [made] = await tx.insert(schema).values({ v: 'late' }).returning();
        return made?.id;
      } catch (error) {
        late = error;
        throw error;
      }
    });
    await expect(done).rejects.toMatchObject(PROMISED);
    expect(await rows(followed)).toEqual([]);
    expect(late).toMatchObject(DEAD);
  });

  test('what an async hook wrote before it first waited is undone, and it writes no more after it', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const done = created(open, async (tx) => {
      tx.insert(schema).values({ v: 'early' }).run();
      await Promise.resolve();
      tx.insert(schema).values({ v: 'late' }).run();
    });
    await expect(done).rejects.toMatchObject(PROMISED);
    expect(await rows(followed)).toEqual([]);
  });

  test('a builder that a hook returns instead of running it writes nothing', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const done = created(await followed.open(), (tx) => tx.insert(schema).values({ v: 'lazy' }));
    await expect(done).rejects.toMatchObject(PROMISED);
    expect(await rows(followed)).toEqual([]);
  });

  test('a handle, a prepared statement and the client, kept from a hook that is over, are dead; the next hook is served', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const kept: (() => unknown)[] = [];
    const answer = await created(open, (tx) => {
      const prepared = tx.insert(schema).values({ v: 'kept' }).prepare();
      const client = (tx as unknown as { $client?: { exec(sql: string): void } }).$client;
      kept.push(
        () => tx.insert(schema).values({ v: 'handle' }).run(),
        () => prepared.run(),
        () => tx.transaction((inner) => inner.insert(schema).values({ v: 'nested' }).run()),
      );
      if (client) kept.push(() => client.exec("INSERT INTO t(v) VALUES ('client')"));
      return tx.insert(schema).values({ v: 'made' }).returning().get()?.id;
    });
    expect(answer).toEqual({ ok: true, pk: 1 });
    for (const use of kept) expect(dead(use)).toMatchObject(DEAD);
    expect(await created(open, (tx) => tx.insert(schema).values({ v: 'next' }).returning().get()?.id, 2)).toEqual({ ok: true, pk: 2 });
    expect(await rows(followed)).toEqual([
      { id: 1, v: 'made' },
      { id: 2, v: 'next' },
    ]);
  });
});

/** What a use throws, out of Drizzle's wrapping. */
function dead(use: () => unknown): unknown {
  try {
    use();
    return 'it lives';
  } catch (error) {
    return (error as Error).cause ?? error;
  }
}
