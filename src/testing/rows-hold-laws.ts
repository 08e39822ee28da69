import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { tableOf, type Opened } from './opened.ts';
import { begin, readAll } from './reading.ts';
import { fillMembers, membersOf } from './rows-page-laws.ts';
import type { Laws } from './runner.ts';

const ROWS = membersOf(100, 10);

/** What a reading holds of the database, until when, and what it does not hold. */
export const HOLD_LAWS: Laws<Opened> = {
  async 'nobody who writes waits for a reading that is not read on'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const { member: model } = opened.models;
    const { pages } = await begin(open, tableOf(open, model), { page: 10 });
    const iterator = pages[Symbol.asyncIterator]();
    await iterator.next();
    const [first, second] = [ROWS[0] ?? {}, ROWS.at(-1) ?? {}];
    await opened.write({ model, before: first, after: { ...first, role: 'written' } }, { model, before: second, after: null });
    await iterator.return?.();
    assert.equal((await readAll(open, tableOf(open, model))).rows.length, ROWS.length - 1);
  },

  async 'who stops before the end lets go of the database, however often'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const table = tableOf(open, opened.models.member);
    for (let round = 0; round < 12; round++) {
      const { pages } = await begin(open, table, { page: 10 });
      const iterator = pages[Symbol.asyncIterator]();
      for (let page = 0; page < round % 3; page++) await iterator.next();
      if (round % 3 === 0) await iterator.next();
      await iterator.return?.();
    }
    await letGo(opened);
    assert.equal((await readAll(open, table)).rows.length, ROWS.length);
  },

  async 'an abort before the reading has begun begins none'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const table = tableOf(open, opened.models.member);
    await assert.rejects(begin(open, table, { signal: AbortSignal.abort() }));
    await letGo(opened);
  },

  async 'an abort while it begins lets go of the database'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const table = tableOf(open, opened.models.member);
    for (let round = 0; round < 8; round++) {
      const ended = new AbortController();
      const begun = begin(open, table, { signal: ended.signal, page: 10 });
      begun.catch(() => undefined);
      for (let tick = 0; tick < round; tick++) await null;
      if (round > 5) await new Promise((resolve) => setImmediate(resolve));
      ended.abort();
      // It may have begun before: then it is the pages that nobody gets.
      const [outcome] = await Promise.allSettled([begun]);
      if (outcome.status === 'fulfilled') await assert.rejects(count(outcome.value.pages));
    }
    await letGo(opened);
    assert.equal((await readAll(open, table)).rows.length, ROWS.length);
  },

  async 'an abort between pages lets go of the database, and the next page is refused: some rows are never taken for all'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const table = tableOf(open, opened.models.member);
    for (let round = 0; round < 6; round++) {
      const ended = new AbortController();
      const { pages } = await begin(open, table, { signal: ended.signal, page: 10 });
      const iterator = pages[Symbol.asyncIterator]();
      for (let page = 0; page < round; page++) await iterator.next();
      ended.abort();
      await assert.rejects(async () => {
        while (!(await iterator.next()).done);
      });
    }
    await letGo(opened);
    assert.equal((await readAll(open, table)).rows.length, ROWS.length);
  },

  async 'many readings at once all come to their end, with rows written in between'(opened) {
    const open = await opened.open();
    await fillMembers(opened, ROWS);
    const { member: model } = opened.models;
    const table = tableOf(open, model);
    const reads = Array.from({ length: 12 }, () => readAll(open, table, { page: 100 }));
    await opened.write({ model, before: null, after: { userId: 'zz', orgId: 1, role: null } });
    for (const { rows } of await Promise.all(reads)) assert.ok([ROWS.length, ROWS.length + 1].includes(rows.length));
    await letGo(opened);
  },
};

async function count(pages: AsyncIterable<{ readonly rows: readonly unknown[] }>): Promise<number> {
  let read = 0;
  for await (const { rows } of pages) read += rows.length;
  return read;
}

/** Rejects when somebody still holds the table, or the moment of a reading, after twenty seconds. */
async function letGo({ world, models }: Opened): Promise<void> {
  if (world.write) return;
  if (models.member.dialect === 'postgres') {
    for (const statement of ['BEGIN', "SET LOCAL lock_timeout = '20s'", 'LOCK TABLE member IN ACCESS EXCLUSIVE MODE', 'COMMIT']) {
      await world.app.run(statement);
    }
    return;
  }
  // A reader's moment keeps the write-ahead log from being emptied. Waiting for it is not SQLite's: nobody else could go on meanwhile.
  await world.app.run('PRAGMA busy_timeout = 0');
  for (const late = performance.now() + 20_000; ;) {
    const [row] = await world.app.all('PRAGMA wal_checkpoint(TRUNCATE)');
    if (Number(row?.['busy']) === 0) return world.app.run('PRAGMA busy_timeout = 5000');
    assert.ok(performance.now() < late, 'a reading still holds the database');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
