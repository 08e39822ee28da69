import { expect, test } from 'vitest';
import pg from 'pg';
import { startPostgres } from './postgres.ts';

test("Debian's Postgres 15 starts with logical decoding on", async () => {
  await using server = await startPostgres({ major: 15 });
  const client = new pg.Client(server.url);
  await client.connect();
  const { rows } = await client.query(
    `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('wal_level') AS level`,
  );
  await client.end();
  expect(rows).toEqual([{ major: 15, level: 'logical' }]);
});
