import { expect } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgres } from '../../src/postgres/index.ts';
import { startPostgres, type Major } from '../servers/postgres.ts';
import { connect } from './fixture.ts';
import { refusal } from './setup-laws.ts';

/** Servers whose log cannot be followed say so, and how to cure it. */
export const REFUSED_SERVERS: Readonly<Record<string, (major: Major) => Promise<void>>> = {
  async 'a server whose log has no rows is refused with the statement that cures it, and the app goes on writing'(major) {
    await using server = await startPostgres({ major, settings: { wal_level: 'replica' } });
    const app = await connect(server.url);
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    const { code, message } = await refusal(postgres(server.url));
    expect([code, message.includes(`ALTER SYSTEM SET wal_level = 'logical'`)]).toEqual(['source_unsupported', true]);
    await app.run(`UPDATE item SET text = 'b'`);
    expect(await app.all('SELECT 1 FROM pg_publication')).toEqual([]);
    await app.close();
  },

  async 'a standby is refused'(major) {
    await using server = await startPostgres({ major });
    const admin = await connect(server.url);
    const [row] = await admin.all(`SELECT current_setting('data_directory') AS folder`);
    await admin.close();
    await server.stop();
    await writeFile(join(String(row?.['folder']), 'standby.signal'), '');
    await server.start();
    const { code, message } = await refusal(postgres(server.url));
    expect([code, message.includes('standby')]).toEqual(['source_unsupported', true]);
  },

  async 'a server with no connection left for readers of the log says so'(major) {
    await using server = await startPostgres({ major, settings: { max_wal_senders: 0 } });
    const app = await connect(server.url);
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    const { code, message } = await refusal(postgres(server.url));
    expect([code, message.includes('max_wal_senders')]).toEqual(['source_unsupported', true]);
    await app.run(`INSERT INTO item VALUES (1, 'a')`);
    await app.close();
  },
};
