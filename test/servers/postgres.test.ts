import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import pg from 'pg';
import { type Major, startPostgres } from './postgres.ts';

test.each<Major>([17, 18])('Postgres %i starts on a free port, survives a crash with its data and leaves nothing behind', async (major) => {
  let folder: string;
  {
    await using server = await startPostgres({ major, settings: { wal_sender_timeout: '3s' } });
    const url = await server.createDatabase();
    const first = new pg.Client(url);
    await first.connect();
    await first.query('CREATE TABLE kept (id integer)');
    const { rows } = await first.query(
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('wal_sender_timeout') AS timeout,
              current_setting('data_directory') AS folder`,
    );
    expect(rows[0]).toMatchObject({ major, timeout: '3s' });
    folder = rows[0].folder;
    await first.end();

    await server.restart('immediate');
    const second = new pg.Client(url);
    await second.connect();
    expect((await second.query(`SELECT to_regclass('kept') AS kept`)).rows).toEqual([{ kept: 'kept' }]);
    await second.end();
  }
  expect(existsSync(folder)).toBe(false);
});
