import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, groupBy, rowcast, type Database } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { startPostgres } from '../../test/servers/postgres.ts';
import { answer } from '../process.ts';
import { serving } from './serving.ts';

// A view of each client's own room, and one that all have, over Postgres. What is asked of the database is counted in its driver.

const ROOMS = 1_000;

const server = await startPostgres({ major: 18, settings: { fsync: 'on', max_slot_wal_keep_size: '4GB' } });
const app = new pg.Client(server.url);
await app.connect();
await app.query('CREATE TABLE post(id int PRIMARY KEY, room int, value int, body text); CREATE INDEX ON post(room)');
await app.query('CREATE TABLE news(id int PRIMARY KEY, value int, body text)');
await app.query("INSERT INTO post SELECT n, n % $1::int, 0, repeat('body ', 12) FROM generate_series(0, $1::int * 10 - 1) n", [ROOMS]);
await app.query("INSERT INTO news SELECT n, 0, repeat('body ', 12) FROM generate_series(0, 99) n");

let readings = 0;
let queries = 0;
const query = pg.Client.prototype.query as (this: unknown, ...args: unknown[]) => unknown;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  if (this !== app) queries++;
  return query.apply(this, args);
} as typeof pg.Client.prototype.query;

/** The database, its readings of rows counted. */
function counted(database: Database): Database {
  return {
    ...database,
    async open(bound, parts) {
      const opened = await database.open(bound, parts);
      const { rows } = opened;
      return {
        ...opened,
        rows: { read: (...args) => (readings++, rows.read(...args)) },
      };
    },
  };
}

const post = pgTable('post', { id: integer().primaryKey(), room: integer(), value: integer(), body: text() });
const news = pgTable('news', { id: integer().primaryKey(), value: integer(), body: text() });
const live = await rowcast({
  source: counted(postgres(server.url)),
  bindings: {
    post: bindingFor()(drizzle(post), { fields: ['id', 'value', 'body'], groupNames: groupBy('room'), canSubscribe: () => true }),
    news: bindingFor()(drizzle(news), { fields: '__all__', groupNames: () => ['news'] }),
  },
});
const { listen, empty } = serving(live, ['news']);

answer({
  listen,
  empty,
  /** While everybody is away: so many commits, each of one row in a room and one of the news. */
  async change({ changes }: { changes: number }) {
    const text = 'WITH one AS (UPDATE post SET value = value + 1 WHERE id = $1) UPDATE news SET value = value + 1 WHERE id = $2';
    for (let n = 0; n < changes; n++) await app.query({ name: 'change', text, values: [(n * 7) % (ROOMS * 10), n % 100] });
    await live.settled();
  },
  /** Since it was last asked. */
  asked() {
    const all = { readings, queries };
    readings = queries = 0;
    return all;
  },
  close: async () => {
    await live.close();
    await app.end();
    await server[Symbol.asyncDispose]();
  },
});
