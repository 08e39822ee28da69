import pg from 'pg';
import { startPostgres } from '../servers/postgres.ts';
import { startDemo } from './demo.ts';
import { scenes } from './scenes.ts';

scenes('Postgres 18', async () => {
  const server = await startPostgres({ major: 18, settings: { max_slot_wal_keep_size: '1GB' } });
  const url = await server.createDatabase();
  const demo = await startDemo({ DATABASE_URL: url });
  const shell = new pg.Client(url);
  await shell.connect();
  return {
    demo,
    sql: async (statement) => (await shell.query<Record<string, unknown>>(statement)).rows,
    async close() {
      await demo[Symbol.asyncDispose]();
      await shell.end();
      await server[Symbol.asyncDispose]();
    },
  };
});
