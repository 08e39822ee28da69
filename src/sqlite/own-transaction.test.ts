import BetterSqlite3 from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { drizzle as drizzleNode } from 'drizzle-orm-1/node-sqlite';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';

const t = model('t', 'id integer, v text', 'id');
const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)';

describe.each(DRIVERS)('receipts in transactions of the app (%s)', (driver) => {
  test('what has begun no transaction is told so, and nothing is left; once it has, the receipt is left without giving way', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    const open = await followed.open();
    const reader = await followed.read(open);
    const { file } = followed.world;
    const [app, db] =
      driver === 'node:sqlite'
        ? ((client) => [client, drizzleNode({ client })] as const)(new DatabaseSync(file))
        : ((client) => [client, drizzle({ client })] as const)(new BetterSqlite3(file));
    for (const tx of [app, db]) {
      expect(() => open.leave(tx, { client: 'c', write: 1 })).toThrow(
        expect.objectContaining({ code: 'receipt_invalid', message: expect.stringContaining('db.transaction((tx) => …)') as string }),
      );
    }
    for (const [write, tx] of [app, db].entries()) {
      app.exec("BEGIN; INSERT INTO t(v) VALUES ('a')");
      expect(open.leave(tx, { client: `it's c`, write })).toBeUndefined();
      app.exec('COMMIT');
    }
    app.close();
    await reader.settled();
    expect(reader.receipts).toEqual([`it's c:0`, `it's c:1`]);
  });
});
