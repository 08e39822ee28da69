import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, groupBy, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { startPostgres } from '../../test/servers/postgres.ts';
import { EACH, ROOMS, serveRooms } from './first-rows.ts';

const server = await startPostgres({ major: 18, settings: { fsync: 'on', max_slot_wal_keep_size: '4GB' } });
const app = new pg.Client(server.url);
await app.connect();
await app.query('CREATE TABLE post(id int PRIMARY KEY, room int, value int, body text)');
await app.query("INSERT INTO post SELECT n, n % $1::int, 0, repeat('body ', 12) FROM generate_series(0, $1::int * $2::int - 1) n", [
  ROOMS,
  EACH,
]);
await app.query('CREATE INDEX ON post(room); ANALYZE post');
await app.end();
const post = pgTable('post', { id: integer().primaryKey(), room: integer(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(post), { fields: ['id', 'value', 'body'], groupNames: groupBy('room'), canSubscribe: () => true });

serveRooms(await rowcast({ source: postgres(server.url), bindings: { post: binding } }), async () => server[Symbol.asyncDispose]());
