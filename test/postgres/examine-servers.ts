import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Finding } from '../../src/core/index.ts';
import { postgres } from '../../src/postgres/index.ts';
import { startPostgres, type Major } from '../servers/postgres.ts';
import { bound } from './bare-model.ts';
import { amiss, ITEM, WITH_ITEM } from './examine-laws.ts';
import { connect } from './fixture.ts';
import { testClock, TestLog, until } from './follower.ts';

const examined = async (url: string): Promise<readonly Finding[]> => (await postgres({ url }).examine?.([bound(ITEM)])) ?? [];

/** What looking at servers that are in a bad way must tell. */
export const EXAMINED_SERVERS: Readonly<Record<string, (major: Major) => Promise<void>>> = {
  async 'a server whose log has no rows: the statement that cures it, and the other way to follow; limits with it'(major) {
    const idle = major >= 18 ? { idle_replication_slot_timeout: '10min' } : {};
    await using server = await startPostgres({ major, settings: { wal_level: 'replica', max_wal_senders: 0, ...idle } });
    const app = await connect(server.url);
    await app.run(WITH_ITEM);
    const findings = amiss(await examined(server.url));
    expect(findings).toMatchObject({
      wal_level: {
        level: 'error',
        message: expect.stringContaining(`follow: 'triggers'`),
        cure: [`ALTER SYSTEM SET wal_level = 'logical'`],
      },
      max_wal_senders: { level: 'error', message: expect.stringMatching(/^0 of 0 /), cure: ['ALTER SYSTEM SET max_wal_senders = 10'] },
      max_slot_wal_keep_size: { level: 'warning', cure: [`ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'`, 'SELECT pg_reload_conf()'] },
      ...(major >= 18 && {
        idle_replication_slot_timeout: { level: 'warning', message: expect.stringContaining('for 10 min is cut off') },
      }),
    });
    await app.close();
  },

  async 'a standby is an error, and all there is to say'(major) {
    await using server = await startPostgres({ major });
    const admin = await connect(server.url);
    const [row] = await admin.all(`SELECT current_setting('data_directory') AS folder`);
    await admin.close();
    await server.stop();
    await writeFile(join(String(row?.['folder']), 'standby.signal'), '');
    await server.start();
    expect(await examined(server.url)).toMatchObject([{ about: 'server', level: 'error', message: expect.stringContaining('primary') }]);
  },

  async 'a slot is a warning from half of what may be kept, an error from four fifths, and named with the reason once it was cut off'(
    major,
  ) {
    // Segments of 16 MiB, of which each switch uses up one.
    const settings = { max_slot_wal_keep_size: '96MB', max_replication_slots: 1, max_wal_size: '32MB', min_wal_size: '32MB' };
    await using server = await startPostgres({ major, settings });
    const app = await connect(server.url);
    await app.run(WITH_ITEM);
    await (await postgres(server.url).open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog() })).close();
    const levels: (Finding['level'] | undefined)[] = [];
    const messages: string[] = [];
    for (let segments = 0; segments < 8; segments++) {
      const slot = (await examined(server.url)).find(({ about }) => about === 'slot rowcast');
      if (slot?.level !== levels.at(-1)) levels.push(slot?.level);
      messages.push(slot?.message ?? '');
      await app.run(`SELECT pg_logical_emit_message(false, 'fill', '')`);
      await app.run('SELECT pg_switch_wal()');
    }
    await app.run('CHECKPOINT');
    expect(levels).toEqual(['ok', 'warning', 'error']);
    const over = (what: string): string => messages.find((message) => message.includes(what)) ?? '';
    expect(over('over half')).toMatch(
      /^nobody reads by it; it keeps (4[8-9]|5\d|6[0-3])\b.* MiB of the 96MB that may be kept, .* before it is cut off/,
    );
    expect(over('about to be cut off')).toMatch(/it keeps (7[7-9]|8\d|9[0-5])\b/);
    const lost = amiss(await examined(server.url))['slot rowcast'];
    expect(lost).toMatchObject({ level: 'error', cure: [`SELECT pg_drop_replication_slot('rowcast')`] });
    expect(lost?.message).toMatch(major >= 17 ? /cut off by the server \(wal_removed\)/ : /cut off by the server:/);
    await app.run(`SELECT pg_drop_replication_slot('rowcast')`);
    await app.run(`SELECT pg_create_logical_replication_slot('other', 'test_decoding')`);
    expect(amiss(await examined(server.url))).toMatchObject({
      max_replication_slots: {
        level: 'error',
        message: expect.stringMatching(/^1 of 1 /),
        cure: ['ALTER SYSTEM SET max_replication_slots = 11'],
      },
      'slot rowcast': { level: 'warning' },
      'slot other': { level: 'warning' },
    });
    await app.close();
  },

  async 'without a cap, a slot of an earlier time is named with how to drop it'(major) {
    await using server = await startPostgres({ major });
    const app = await connect(server.url);
    await app.run(WITH_ITEM);
    const open = await postgres(server.url).open([bound(ITEM)], { setup: 'auto', clock: testClock(), log: new TestLog() });
    // Made for itself, by a process that does not read by it yet.
    const [slot = '', ...others] = Object.keys(amiss(await examined(server.url))).filter((about) => about !== 'max_slot_wal_keep_size');
    expect([slot, others]).toEqual([expect.stringMatching(/^slot rowcast_./), []]);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const batch of open.source.read(await open.source.tail(), stop.signal)) void batch;
    })();
    await until(async () => !(slot in amiss(await examined(server.url))));
    stop.abort();
    await reading;
    await open.close();
    await app.run(`SELECT pg_create_logical_replication_slot('rowcast', 'pgoutput')`);
    expect(amiss(await examined(server.url))['slot rowcast']).toMatchObject({
      level: 'warning',
      cure: [`SELECT pg_drop_replication_slot('rowcast')`],
    });
    await app.close();
  },
};
