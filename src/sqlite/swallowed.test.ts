import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { drizzle } from 'drizzle-orm/better-sqlite3';
import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { RowStep, Table } from '../core/index.ts';

// A trigger's RAISE(ROLLBACK) ends the whole transaction, and whatever is written after it would be committed by itself, statement by statement.

const t = model('t', 'id integer, v text', 'id');
const DDL = `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
  CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.v = 'no' BEGIN SELECT RAISE(ROLLBACK, 'never'); END`;
const schema = sqliteTable('t', { id: integer().primaryKey(), v: text() });

type Tx = ReturnType<typeof drizzle>;

function swallowing(tx: Tx): void {
  try {
    tx.insert(schema).values({ v: 'no' }).run();
  } catch {
    // as if nothing had happened
  }
}

describe.each(DRIVERS)('a hook that swallows the end of its transaction (%s)', (driver) => {
  test.each<[string, (tx: Tx) => unknown]>([
    [
      'and writes on',
      (tx) => {
        swallowing(tx);
        return tx.insert(schema).values({ v: 'half' }).returning().get()?.id;
      },
    ],
    [
      'and returns, with more of the batch to come',
      (tx) => {
        swallowing(tx);
        return 1;
      },
    ],
    [
      'and begins one of its own',
      (tx) => {
        swallowing(tx);
        return tx.transaction((inner) => inner.insert(schema).values({ v: 'half' }).returning().get()?.id);
      },
    ],
  ])('writes nothing: %s', async (_how, run) => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const table = open.tables.get(t) as Table;
    const step = (at: number, judge: RowStep['judge']): RowStep => ({ kind: 'row', table, action: 'create', key: null, at, judge });
    const values = new Map([[1, 'half']]);
    const steps = [step(0, () => ({ verdict: 'hook', run: (tx) => run(tx as Tx) })), step(1, () => ({ verdict: 'write', values }))];
    const claim = { principal: 'p', receipt: { client: 'c', write: 1 }, hash: 'h' };
    await expect(open.store.write({ claim, steps, answer: (pks) => ({ ok: true, pks }) })).rejects.toThrow();
    expect(await followed.world.app.all('SELECT v FROM t')).toEqual([]);
    expect(await followed.world.app.all('SELECT write FROM _rowcast_write')).toEqual([]);
  });
});
