import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareModel, bound } from '../../../test/postgres/bare-model.ts';
import { CAPPED } from '../../../test/postgres/fixture.ts';
import { Follower } from '../../../test/postgres/follower.ts';
import { siteOn } from '../../../test/postgres/setup-laws.ts';
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts';

const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const DDL = 'CREATE TABLE item (id integer PRIMARY KEY, text text)';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: CAPPED });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The receipts that came, without those of fences. */
async function receipts(follower: Follower): Promise<readonly string[]> {
  await follower.settled();
  const all = follower.commits.flatMap((commit) =>
    commit.receipts.map(({ client, write }) => `${client} ${write}, ${commit.changes.length} rows`),
  );
  return all.filter((receipt) => !receipt.startsWith('fence'));
}

describe.each(['log', 'triggers'] as const)('receipts in transactions of the app, followed by its %s', (follow) => {
  test('a role that may touch nothing of ours leaves them, and nothing else', async () => {
    await using site = await siteOn(server);
    const { app, slot, world, database } = site;
    await app.run(DDL);
    await app.run(`CREATE ROLE "${slot}" LOGIN`); // sql: a name of ours
    await app.run(`GRANT INSERT ON item TO "${slot}"`); // sql: a name of ours
    {
      await using follower = await Follower.of(database({ follow }), [bound(ITEM)]);
      const url = new URL(world.url);
      url.username = slot;
      const client = new pg.Client(url.href);
      await client.connect();
      await client.query('BEGIN');
      await client.query(`INSERT INTO item VALUES (1, 'a')`);
      await follower.open.leave(client, { client: `it's "a\\b"`, write: 7 });
      await client.query('COMMIT');
      for (const table of follow === 'log' ? ['write'] : ['write', 'journal']) {
        await expect(client.query(`INSERT INTO rowcast.${table} DEFAULT VALUES`)).rejects.toMatchObject({ code: '42501' });
        await expect(client.query(`SELECT * FROM rowcast.${table}`)).rejects.toMatchObject({ code: '42501' });
      }
      await client.end();
      expect(await receipts(follower)).toEqual([`it's "a\\b" 7, 1 rows`]);
    }
    await app.run(`DROP OWNED BY "${slot}"`); // sql: a name of ours
    await app.run(`DROP ROLE "${slot}"`); // sql: a name of ours
  });

  test('what has begun no transaction is told so, and nothing is left', async () => {
    await using site = await siteOn(server);
    await site.app.run(DDL);
    await using follower = await Follower.of(site.database({ follow }), [bound(ITEM)]);
    const client = new pg.Client(site.world.url);
    const pool = new pg.Pool({ connectionString: site.world.url });
    pool.on('error', () => undefined); // its end does not wait for the connections: the database is dropped under them
    await client.connect();
    const pooled = await pool.connect();
    for (const tx of [client, pooled, pool, drizzle({ client }), drizzle({ client: pool })]) {
      await expect(follower.open.leave(tx, { client: 'c', write: 1 })).rejects.toMatchObject({
        code: 'receipt_invalid',
        message: expect.stringContaining('db.transaction(async (tx)') as string,
      });
    }
    await pooled.query('BEGIN');
    await follower.open.leave(pooled, { client: 'c', write: 2 });
    // A statement is on its way by the time that it is asked for: whoever forgets to await it loses nothing.
    await client.query('BEGIN');
    const left = follower.open.leave(client, { client: 'c', write: 3 });
    await client.query('COMMIT');
    await left;
    await pooled.query('COMMIT');
    pooled.release();
    await Promise.all([pool.end(), client.end()]);
    expect((await receipts(follower)).toSorted()).toEqual(['c 2, 0 rows', 'c 3, 0 rows']);
  });

  test("in a transaction that has failed the error is the database's own", async () => {
    await using site = await siteOn(server);
    await site.app.run(DDL);
    await using follower = await Follower.of(site.database({ follow }), [bound(ITEM)]);
    const client = new pg.Client(site.world.url);
    await client.connect();
    await client.query('BEGIN');
    await expect(client.query('SELECT 1/0')).rejects.toThrow();
    await expect(follower.open.leave(client, { client: 'c', write: 1 })).rejects.toMatchObject({ code: '25P02' });
    await client.end();
    expect(await receipts(follower)).toEqual([]);
  });
});
