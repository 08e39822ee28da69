import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, rowcast, type Live } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { startPostgres } from '../../test/servers/postgres.ts';
import { answer } from '../process.ts';

const server = await startPostgres({ major: 18, settings: { fsync: 'on', synchronous_commit: 'on', max_slot_wal_keep_size: '4GB' } });
const pool = new pg.Pool({ connectionString: server.url, max: 8 });
const bound = pgTable('bound', { id: integer().primaryKey(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(bound), { fields: '__all__', groupNames: () => ['all'] });
let live: Live;

answer({
  /** Both tables, one of them bound; rows by the log, or by triggers. */
  async start({ follow }: { follow: 'log' | 'triggers' }) {
    for (const name of ['bound', 'free']) {
      await pool.query(`CREATE TABLE ${name}(id int PRIMARY KEY, value int, body text)`);
      await pool.query(`INSERT INTO ${name} SELECT n, 0, repeat('body ', 20) FROM generate_series(1, 1000) n`);
    }
    live = await rowcast({ source: postgres({ url: server.url, follow }), bindings: { bound: binding } });
  },
  /** Eight connections, one transaction a write. Per second. */
  async write({ table, count }: { table: 'bound' | 'free'; count: number }) {
    const text = { bound: 'UPDATE bound SET value = value + 1 WHERE id = $1', free: 'UPDATE free SET value = value + 1 WHERE id = $1' }[
      table
    ];
    let next = 0;
    const begin = process.hrtime.bigint();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let n = next++; n < count; n = next++) await pool.query({ name: table, text, values: [((n * 7) % 1_000) + 1] });
      }),
    );
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    await live.settled(); // nobody after it pays for what is still to be read
    return count / seconds;
  },
  close: async () => {
    await live.close();
    await pool.end();
    await server[Symbol.asyncDispose]();
  },
});
