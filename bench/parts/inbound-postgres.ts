import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { startPostgres } from '../../test/servers/postgres.ts';
import { answer } from '../process.ts';
import { BODY, LIMITS, ROWS, WRITTEN } from './inbound.ts';
import { served } from './serving.ts';

// Writes of clients to Postgres; and the same statement, each in a transaction, over as many connections of `pg` as Rowcast has.

const CONNECTIONS = 10;
const server = await startPostgres({ major: 18, settings: { fsync: 'on', synchronous_commit: 'on', max_slot_wal_keep_size: '4GB' } });
const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
for (const name of ['hot', 'free']) {
  await pool.query(`CREATE TABLE ${name}(id int PRIMARY KEY, value int, body text)`);
  await pool.query(`INSERT INTO ${name} SELECT n, 0, $1 FROM generate_series(1, ${ROWS}) n`, [BODY]);
}
const table = pgTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const hot = bindingFor()(drizzle(table), WRITTEN);
const live = await rowcast({ source: postgres(server.url), bindings: { hot } });
live.endpoint('/', { consumers: { hot }, limits: LIMITS });

answer({
  listen: served(live).listen,
  /** Per second. */
  async loop({ count }: { readonly count: number }) {
    let next = 0;
    const begin = process.hrtime.bigint();
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const client = await pool.connect();
        for (let n = next++; n < count; n = next++) {
          await client.query('BEGIN');
          await client.query({ name: 'free', text: 'UPDATE free SET value = $1 WHERE id = $2', values: [n, (n % ROWS) + 1] });
          await client.query('COMMIT');
        }
        client.release();
      }),
    );
    return count / (Number(process.hrtime.bigint() - begin) / 1e9);
  },
  close: async () => {
    await live.close();
    await pool.end();
    await server[Symbol.asyncDispose]();
  },
});
