import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { Answer, Claim, Image, Judgement, OpenDatabase, Table } from '../core/index.ts';
import { rowWrite } from '../testing/store-write.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, of INTEGER REFERENCES t)';
/** Only COMMIT looks at a reference. */
const DEFERRED = DDL.replace('REFERENCES t', 'REFERENCES t DEFERRABLE INITIALLY DEFERRED');
const t = model('t', 'id integer, n integer, of integer', 'id');

const claimOf = (write: number, of: { readonly client?: string; readonly principal?: string } = {}): Claim => ({
  principal: of.principal ?? 'p',
  receipt: { client: of.client ?? 'c', write },
  hash: 'h',
});
const more = (before: Image | null): Judgement => ({ verdict: 'write', values: new Map([[1, Number(before?.[1]) + 1]]) });

/** Adds one to the only row there is. */
async function add(open: OpenDatabase, claim: Claim, judge = more): Promise<Answer> {
  return (await open.store.write(rowWrite({ table: open.tables.get(t) as Table, action: 'update', key: [1n], claim, judge }))).answer;
}

/** With the row, at 0. */
function files(driver: (typeof DRIVERS)[number], ddl = DDL): Followed {
  const followed = new Followed(driver, ddl, [t]);
  followed.world.exec('INSERT INTO t(id, n) VALUES (1, 0)');
  return followed;
}

const added = async ({ world }: Followed): Promise<unknown> => (await world.app.all('SELECT n FROM t'))[0]?.['n'];

const BEFORE = `DROP TABLE _rowcast_write;
  CREATE TABLE _rowcast_write(principal TEXT NOT NULL, client TEXT NOT NULL, write INTEGER NOT NULL, hash TEXT NOT NULL, answer TEXT NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (principal, client, write)) WITHOUT ROWID;
  CREATE INDEX _rowcast_write_at ON _rowcast_write(at)`;
const COLUMNS = 'principal, client, write, hash, answer, at';

describe.each(DRIVERS)('answers (%s)', (driver) => {
  test('that another process gave a moment ago are given again: each write is applied once, wherever it is asked for', async () => {
    await using followed = files(driver);
    const both = [await followed.open(), await followed.open()] as const;
    for (let write = 1; write <= 20; write++) {
      const [first, second] = write % 3 === 0 ? both.toReversed() : both;
      expect([await add(first as OpenDatabase, claimOf(write)), await add(second as OpenDatabase, claimOf(write))]).toEqual([
        { ok: true, pk: 1 },
        { ok: true, pk: 1 },
      ]);
    }
    expect(await added(followed)).toBe(20);
  });

  test('that were undone with their transaction hide none that another process gives in their place', async () => {
    await using followed = files(driver, DEFERRED);
    const [mine, other] = [await followed.open(), await followed.open()];
    const dangling = (): Judgement => ({ verdict: 'write', values: new Map([[2, 99]]) });
    for (const write of [1, 2, 3]) expect(await add(mine, claimOf(write), dangling)).toMatchObject({ code: 'invalid' });
    for (const write of [4, 5, 6]) await add(other, claimOf(write));
    for (const write of [4, 5, 6]) await add(mine, claimOf(write));
    expect(await added(followed)).toBe(3);
  });

  test('are told apart by who asks, and by all of a number', async () => {
    await using followed = files(driver);
    const open = await followed.open();
    const claims = [claimOf(7), claimOf(7, { client: 'd' }), claimOf(7, { principal: 'q' }), claimOf(7 + 2 ** 32), claimOf(2 ** 53 - 1)];
    for (const claim of [...claims, ...claims]) await add(open, claim);
    expect(await added(followed)).toBe(claims.length);
    expect(await add(open, { ...claimOf(7), hash: 'another' })).toMatchObject({ code: 'key_reused' });
  });

  test('of before a restart are all known, a hundred thousand of them', async () => {
    await using followed = files(driver);
    await (await followed.open()).close();
    const number = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)';
    followed.world.exec(
      `${number} INSERT INTO _rowcast_write(${COLUMNS}) SELECT 'p', 'c' || (i % 999), i, 'h', '{"ok":true,"pk":1}', unixepoch() FROM n`,
    );
    const open = await followed.open();
    for (const write of [1, 2, 2_000, 2_001, 54_321, 99_999, 100_000]) await add(open, claimOf(write, { client: `c${write % 999}` }));
    expect(await added(followed)).toBe(0);
    await add(open, claimOf(1));
    expect(await added(followed)).toBe(1);
  });

  test('of a file that an earlier Rowcast made are kept, and a process of that one goes on beside', async () => {
    await using followed = files(driver);
    await (await followed.open()).close();
    followed.world.exec(BEFORE);
    const tell = (write: number): void =>
      followed.world.exec(
        `INSERT INTO _rowcast_write(${COLUMNS}) VALUES ('p', 'c', ${write}, 'h', '{"ok":true,"pk":1}', unixepoch() - 10 * ${write})`,
      );
    for (const write of [1, 2, 3]) tell(write);
    await expect(followed.open({ setup: 'check' })).rejects.toMatchObject({ code: 'setup_needed' });
    const open = await followed.open();
    for (const write of [1, 2, 3]) await add(open, claimOf(write));
    expect(await added(followed)).toBe(0);
    expect(await followed.world.app.all('SELECT n, write FROM _rowcast_write ORDER BY n')).toEqual([3, 2, 1].map((write, at) => ({ n: at + 1, write }))); // prettier-ignore
    tell(4);
    await add(open, claimOf(4));
    expect(await added(followed)).toBe(0);
    const left = await followed.world.app.all("SELECT name FROM sqlite_schema WHERE name LIKE '\\_rowcast\\_write%' ESCAPE '\\'");
    expect(left).toEqual([{ name: '_rowcast_write' }]);
  });
});
