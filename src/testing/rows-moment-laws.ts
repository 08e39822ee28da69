import assert from 'node:assert/strict';
import type { OpenDatabase, Row, Table } from '../core/index.ts';
import { tableOf, type Opened } from './opened.ts';
import { begin, byKey, joinWithLog, readAll, readOn, type Read } from './reading.ts';
import { crowd } from './rows-crowd.ts';
import { fillMembers, membersOf } from './rows-page-laws.ts';
import type { Laws } from './runner.ts';

/** All pages are of one moment, and the log says what came after it. */
export const MOMENT_LAWS: Laws<Opened> = {
  async 'all pages are of the moment of the first, whatever is committed between them'(opened) {
    const { open, table, rows } = await filled(opened);
    const { member: model } = opened.models;
    let round = 0;
    const read = await readAll(open, table, {
      page: 4,
      async between() {
        const [first, last] = [rows[round], rows[rows.length - 1 - round]] as [Row, Row];
        if (++round > 6) return;
        await opened.write(
          { model, before: first, after: { ...first, role: 'changed behind' } },
          { model, before: last, after: round % 2 === 0 ? null : { ...last, role: 'changed ahead' } },
          { model, before: null, after: { userId: 'u000', orgId: 1_000 + round, role: 'new behind' } },
          { model, before: null, after: { userId: 'zz', orgId: round, role: 'new ahead' } },
        );
      },
    });
    assert.ok(round > 6);
    assert.deepEqual(read.rows, rows);
  },

  async 'a row that moves between pages is neither lost nor doubled'(opened) {
    const { open, table, rows } = await filled(opened);
    const { member: model } = opened.models;
    const [first, last] = [rows[0], rows.at(-1)] as [Row, Row];
    let moved = false;
    const read = await readAll(open, table, {
      page: 4,
      async between() {
        if (moved) return;
        moved = true;
        await opened.write(
          { model, before: first, after: { ...first, userId: 'zz' } }, // from where it was read to where it is not yet
          { model, before: last, after: { ...last, userId: 'a' } }, // and the other way
        );
      },
    });
    assert.deepEqual(read.rows, rows);
    const now = (await readAll(open, table)).rows.map(({ userId }) => userId);
    assert.deepEqual([now[0], now.at(-1), now.length], ['a', 'zz', rows.length]);
  },

  async 'two readings at once are each of their own moment'(opened) {
    const { open, table, rows } = await filled(opened);
    const { member: model } = opened.models;
    const [first] = rows as [Row];
    const one = await begin(open, table, { page: 4 });
    await opened.write({ model, before: first, after: { ...first, role: 'between them' } });
    const other = await begin(open, table, { page: 3 });
    await opened.write({ model, before: { ...first, role: 'between them' }, after: null });
    const [early, late] = await Promise.all([readOn(table, one), readOn(table, other)]);
    assert.deepEqual(early.rows, rows);
    assert.deepEqual(late.rows, [{ ...first, role: 'between them' }, ...rows.slice(1)]);
    assert.deepEqual((await readAll(open, table)).rows, rows.slice(1));
    assert.ok(early.snapshot.until <= late.snapshot.until);
  },

  async 'what is not committed is not read and not waited for, and comes by the log once it is'(opened) {
    const { open, table, rows } = await filled(opened);
    const reader = await opened.read(open);
    const other = await opened.world.other();
    try {
      await other.run('BEGIN');
      await other.run("UPDATE member SET role = 'open' WHERE user_id < 'u005'");
      // Where several write at once, one that begins later and ends sooner.
      const isLater = opened.models.member.dialect === 'postgres';
      if (isLater) await opened.run("UPDATE member SET role = 'later' WHERE user_id >= 'u005'");
      const read = await readAll(open, table, { page: 5 });
      assert.deepEqual(
        read.rows,
        rows.map((row) => (isLater && String(row['userId']) >= 'u005' ? { ...row, role: 'later' } : row)),
      );
      await other.run('COMMIT');
      await reader.settled();
      await isJoined(open, table, { readings: [read], commits: reader.commits });
    } finally {
      await other.close();
    }
  },

  async 'rows read under writers, and the commits that they do not show, are the table: none lost, none twice, none torn'(opened) {
    const open = await opened.open();
    const table = tableOf(open, opened.models.member);
    const reader = await opened.read(open);
    await fillMembers(opened, membersOf(20, 2));
    const readings: Read[] = [];
    const moments = new Set<string>();
    await crowd(opened, async () => {
      // Writers may not have had a turn yet.
      for (let round = 0; round < 25 || (moments.size < 2 && round < 500); round++) {
        const read = await readAll(open, table, { page: 7, between: turn });
        readings.push(read);
        moments.add(read.snapshot.until);
      }
    });
    await reader.settled();
    await isJoined(open, table, { readings, commits: reader.commits });
    assert.ok(moments.size > 1, 'nobody wrote while rows were read');
  },

  async 'after a restart, rows are joined to the log from its floor'(opened) {
    const first = await opened.open();
    const before = await opened.read(first);
    await fillMembers(opened, membersOf(20, 2));
    await crowd(opened, async () => {
      await before.settled();
      first.source.acknowledge(before.commits.at(-1)?.position ?? '');
      await before.stop();
      await opened.close(first);
    });
    const open = await opened.open();
    const table = tableOf(open, opened.models.member);
    const readings: Read[] = [];
    const { position } = await open.source.floor();
    readings.push(await readAll(open, table));
    const reader = await opened.read(open, position);
    await crowd(opened, async () => {
      for (let round = 0; round < 8; round++) readings.push(await readAll(open, table, { page: 7, between: turn }));
    });
    await reader.settled();
    await isJoined(open, table, { readings, commits: reader.commits });
  },
};

async function isJoined(
  open: OpenDatabase,
  table: Table,
  { readings, commits }: { readonly readings: readonly Read[]; readonly commits: Parameters<typeof joinWithLog>[2] },
): Promise<void> {
  const end = byKey(table, (await readAll(open, table)).images);
  for (const reading of readings) assert.deepEqual(byKey(table, joinWithLog(table, reading, commits).values()), end);
}

async function filled(opened: Opened): Promise<{ open: OpenDatabase; table: Table; rows: readonly Row[] }> {
  const open = await opened.open();
  const rows = membersOf(10, 4);
  await fillMembers(opened, rows);
  return { open, table: tableOf(open, opened.models.member), rows };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
