import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import { numberOf, ORIGIN, positionOf, type Image, type LogValue, type Receipt } from '../core/index.ts';
import type { LogReader } from '../testing/opened.ts';

const T = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v)';
const t = model('t', 'id integer, v blob', 'id');

function values(reader: LogReader): Image[number][] {
  return reader.commits.flatMap(({ changes }) => changes.map(({ after }) => after?.[1] ?? null));
}

function rowsOf(table: string, count: number): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO ${table} SELECT i, i FROM n`;
}

/** The oldest row of the journal, as somebody else sees it. */
function oldestOf(file: string): Disposable & { number(): bigint } {
  const client = new DatabaseSync(file, { timeout: 5_000 });
  const query = client.prepare('SELECT min(seq) AS n FROM _rowcast_journal');
  return { number: () => BigInt((query.get() as { n: number }).n), [Symbol.dispose]: () => client.close() };
}

describe.each(DRIVERS)('the journal (%s)', (driver) => {
  test("every storage class is kept as it was: 2^63-1, 1 apart from 1.0, bytes, text with NUL, ''", async () => {
    await using followed = new Followed(driver, T, [t]);
    const reader = await followed.read();
    const cases: readonly (readonly [string, LogValue])[] = [
      ['9223372036854775807', 9223372036854775807n],
      ['-9223372036854775808', -9223372036854775808n],
      ['1', 1n],
      ['1.0', 1],
      ['0.1', 0.1],
      ['9e999', Infinity],
      ["'1'", '1'],
      ["''", ''],
      ["'a' || char(0) || 'b'", 'a\0b'],
      ["'🐎'", '🐎'],
      ['NULL', null],
    ];
    for (const [sql] of cases) followed.world.exec(`INSERT INTO t(v) VALUES (${sql})`);
    followed.world.exec("INSERT INTO t(v) VALUES (x'00ff'); INSERT INTO t(v) VALUES (x'')");
    await reader.settled();
    const seen = values(reader);
    expect(seen.slice(0, cases.length)).toEqual(cases.map(([, value]) => value));
    expect(typeof seen[2]).toBe('bigint');
    expect(typeof seen[3]).toBe('number');
    expect(seen.slice(cases.length).map((bytes) => bytes instanceof Uint8Array && Buffer.from(bytes).toString('hex'))).toEqual([
      '00ff',
      '',
    ]);
  });

  test('a bytes insert of the app works as before, and a large one too', async () => {
    await using followed = new Followed(driver, T, [t]);
    const reader = await followed.read();
    followed.world.exec('INSERT INTO t VALUES (1, randomblob(3000000))');
    await reader.settled();
    expect((values(reader)[0] as Uint8Array).byteLength).toBe(3_000_000);
  });

  test('what an outer conflict policy ignores is ignored in the table, never in the journal alone', async () => {
    await using followed = new Followed(driver, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE)', [t]);
    const reader = await followed.read();
    followed.world.exec('INSERT OR IGNORE INTO t VALUES (1, 1), (2, 1), (3, 3)');
    followed.world.exec('UPDATE OR IGNORE t SET v = 3');
    await reader.settled();
    expect(reader.changes.map(({ before, after }) => [before?.['id'] ?? null, after?.['id'] ?? null])).toEqual([
      [null, 1],
      [null, 3],
      [3, 3],
    ]);
  });

  test('numbers go on rising when every old row was deleted', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open();
    const reader = await followed.read(open);
    followed.world.exec('INSERT INTO t VALUES (1, 1)');
    await reader.settled();
    followed.world.exec('DELETE FROM _rowcast_journal');
    followed.world.exec('INSERT INTO t VALUES (2, 2)');
    await reader.settled();
    expect(values(reader)).toEqual([1n, 2n]);
  });

  test('a reader from before the oldest row kept is told so, for every table, and goes on', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open();
    followed.world.exec('INSERT INTO t VALUES (1, 1), (2, 2)');
    followed.world.exec('DELETE FROM _rowcast_journal WHERE seq < (SELECT max(seq) FROM _rowcast_journal)');
    const reader = await followed.read(open, ORIGIN);
    await reader.until(({ commits }) => commits.length > 0);
    expect(reader.commits[0]?.lost.map(({ table, reason }) => [table.id, reason])).toEqual([['t', 'retention']]);
    expect(reader.commits[0]?.changes).toEqual([]);
    followed.world.exec('INSERT INTO t VALUES (3, 3)');
    await reader.settled();
    expect(values(reader)).toEqual([3n]);
  });

  test('a reader from beyond the newest row is told so, and positions still rise', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open();
    const beyond = positionOf(numberOf(await open.source.tail()) + 1_000n);
    const reader = await followed.read(open, beyond);
    await reader.until(({ commits }) => commits.length > 0);
    expect(reader.commits[0]?.lost.map(({ table, reason }) => [table.id, reason])).toEqual([['t', 'timeline']]);
    followed.world.exec('INSERT INTO t VALUES (3, 3)');
    await reader.settled();
    expect(values(reader)).toEqual([3n]);
    const positions = [beyond, ...reader.commits.map(({ position }) => position)];
    expect(positions).toEqual([...new Set(positions)].toSorted());
  });

  test('more than a read may hold is told as lost, for the tables it touched, with its receipts', async () => {
    await using followed = new Followed(driver, `${T}; CREATE TABLE u(id INTEGER PRIMARY KEY, v)`, [
      t,
      model('u', 'id integer, v blob', 'id'),
    ]);
    const open = await followed.open();
    const after = await open.source.tail();
    followed.world.exec(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) INSERT INTO t SELECT i, i FROM n',
    );
    await open.source.mark({ client: 'c', write: 1 });
    const reader = await followed.read(open, after);
    await reader.settled();
    expect(reader.changes).toEqual([]);
    expect(reader.commits.flatMap(({ lost }) => lost).map(({ table, reason }) => [table.id, reason])).toEqual([['t', 'bulk']]);
    expect(reader.receipts).toEqual(['c:1']);
  });

  test('of what was acknowledged only the newest rows are kept, as many as the app says; what was not acknowledged stays', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open({ database: followed.world.database({ keep: { rows: 10_000 } }) });
    followed.world.exec(rowsOf('t', 15_000));
    const tail = numberOf(await open.source.tail());
    using oldest = oldestOf(followed.world.file);
    open.source.acknowledge(positionOf(tail - 12_000n));
    await expect.poll(oldest.number, { timeout: 10_000 }).toBe(tail - 12_000n + 1n);
    open.source.acknowledge(positionOf(tail));
    await expect.poll(oldest.number, { timeout: 10_000 }).toBe(tail - 10_000n + 1n);
  });

  test('of what was acknowledged nothing is kept beyond its age but the newest row', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open({ database: followed.world.database({ keep: { age: 1 } }) });
    const reader = await followed.read(open);
    followed.world.exec(rowsOf('t', 2_500));
    await reader.settled();
    const tail = await open.source.tail();
    using oldest = oldestOf(followed.world.file);
    open.source.acknowledge(tail);
    await expect.poll(oldest.number, { timeout: 10_000 }).toBe(numberOf(tail));
    expect((await open.source.floor()).position).toBe(tail);
  });

  test('what piled up while nobody followed is deleted at the next start, without traffic, as far as it is over the bounds', async () => {
    await using followed = new Followed(driver, T, [t]);
    await (await followed.open()).close();
    followed.world.exec(rowsOf('t', 15_000));
    const open = await followed.open({ database: followed.world.database({ keep: { rows: 10_000 } }) });
    using oldest = oldestOf(followed.world.file);
    const tail = numberOf(await open.source.tail());
    await expect.poll(oldest.number, { timeout: 10_000 }).toBe(tail - 10_000n + 1n);
  });

  test('changes of tables that are bound elsewhere only are deleted too, once they were passed over', async () => {
    const u = model('u', 'id integer, v blob', 'id');
    await using followed = new Followed(driver, `${T}; CREATE TABLE u(id INTEGER PRIMARY KEY, v)`, [t, u]);
    await (await followed.open()).close();
    await using narrow = new Followed(driver, 'SELECT 1', [t]);
    const open = await narrow.open({ database: followed.world.database({ keep: { rows: 10_000 } }) });
    const reader = await narrow.read(open);
    followed.world.exec('INSERT INTO t VALUES (1, 1)');
    await reader.until(({ commits }) => commits.length > 0);
    followed.world.exec('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000) INSERT INTO u SELECT i, i FROM n');
    const client = new DatabaseSync(followed.world.file, { timeout: 5_000 });
    const count = (): number => (client.prepare('SELECT count(*) AS n FROM _rowcast_journal').get() as { n: number }).n;
    open.source.acknowledge(reader.commits.at(-1)?.position ?? ORIGIN);
    await expect.poll(count, { timeout: 10_000 }).toBe(10_000);
    followed.world.exec('UPDATE u SET v = 0');
    await expect.poll(count, { timeout: 10_000 }).toBe(10_000);
    client.close();
  });

  test('a receipt comes back as it was left: its answer, and whom it revokes', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open();
    const reader = await followed.read(open);
    const receipts: readonly Receipt[] = [
      { client: 'c', write: 1 },
      { client: 'c', write: 2, answer: { ok: true, pk: [1, 'ü'] } },
      { client: 'live', write: 0, revokes: { user: 'u"1' } },
      { client: 'live', write: 0, revokes: { session: 's' } },
    ];
    for (const receipt of receipts) await open.source.mark(receipt);
    await reader.settled();
    expect(reader.commits.flatMap((commit) => commit.receipts).slice(0, receipts.length)).toEqual(receipts);
  });

  test('a hundred thousand answers are kept at most, the youngest, also without traffic', async () => {
    await using followed = new Followed(driver, T, [t]);
    await (await followed.open()).close();
    followed.world.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 101200) INSERT INTO _rowcast_write(principal, client, write, hash, answer, at) SELECT 'p', 'c', i, 'h', '{}', unixepoch() - 40000 + i / 10 FROM n",
    );
    await followed.open();
    const client = new DatabaseSync(followed.world.file, { timeout: 5_000 });
    const kept = (): unknown => client.prepare('SELECT count(*) AS n, min(write) AS oldest FROM _rowcast_write').get();
    await expect.poll(kept, { timeout: 20_000 }).toEqual({ n: 100_000, oldest: 1_201 });
    client.close();
  });

  test('answers are forgotten after a day', async () => {
    await using followed = new Followed(driver, T, [t]);
    const open = await followed.open();
    const old = `INSERT INTO _rowcast_write(principal, client, write, hash, answer, at) SELECT 'p', 'c', value, 'h', '{}', unixepoch() - 86500 FROM generated`;
    followed.world.exec(
      `WITH RECURSIVE generated(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generated WHERE value < 1200) ${old}`,
    );
    followed.world.exec(
      "INSERT INTO _rowcast_write(principal, client, write, hash, answer, at) VALUES ('p', 'c', 5000, 'h', '{}', unixepoch() - 80000)",
    );
    const client = new DatabaseSync(followed.world.file, { timeout: 5_000 });
    open.source.acknowledge(await open.source.tail());
    await expect.poll(() => client.prepare('SELECT count(*) AS n FROM _rowcast_write').get(), { timeout: 10_000 }).toEqual({ n: 1 });
    client.close();
  });

  test('writes to another file that the app attached are not mixed in', async () => {
    await using followed = new Followed(driver, T, [t]);
    const reader = await followed.read();
    followed.world.exec(
      `ATTACH '${followed.world.file}.other' AS other; CREATE TABLE other.t(id INTEGER PRIMARY KEY, v); INSERT INTO other.t VALUES (1, 'elsewhere')`,
    );
    followed.world.exec("INSERT INTO t VALUES (1, 'here')");
    await reader.settled();
    expect(values(reader)).toEqual(['here']);
  });
});
