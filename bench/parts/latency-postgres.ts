import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { bindingFor, rowcast } from 'rowcast';
import { drizzle } from 'rowcast/drizzle';
import { postgres } from 'rowcast/postgres';
import { startPostgres } from '../../test/servers/postgres.ts';
import { serve } from './latency.ts';

const server = await startPostgres({ major: 18, settings: { fsync: 'on', synchronous_commit: 'on', max_slot_wal_keep_size: '4GB' } });
const app = new pg.Client(server.url);
await app.connect();
await app.query("CREATE TABLE hot(id int PRIMARY KEY, value int, body text); INSERT INTO hot VALUES (1, 0, 'body')");
const hot = pgTable('hot', { id: integer().primaryKey(), value: integer(), body: text() });
const binding = bindingFor()(drizzle(hot), { fields: '__all__', groupNames: () => ['hot'] });
const live = await rowcast({ source: postgres(server.url), bindings: { hot: binding } });

serve(live, {
  at: server.url,
  write: async (value) => void (await app.query({ name: 'hot', text: 'UPDATE hot SET value = $1 WHERE id = 1', values: [value] })),
  close: async () => {
    await app.end();
    await server[Symbol.asyncDispose]();
  },
});
