import { describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { Answer, Image, Judgement, OpenDatabase, RowStep, StoreWrite, Table } from '../core/index.ts';
import { suiteClock } from '../testing/opened.ts';
import { rowWrite } from '../testing/store-write.ts';
import { boundOf } from '../testing/tables.ts';

// Writes of one turn of the event loop share a transaction: nothing but the cost of it may be shared.

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n < 1000), of INTEGER)';
const t = model('t', 'id integer, n integer, of integer', 'id');
const ROWS = 'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 40) INSERT INTO t(id, n) SELECT n, 0 FROM i';

interface Asked extends Pick<RowStep, 'judge'>, Partial<Pick<RowStep, 'action'>> {
  readonly open: OpenDatabase;
  readonly id: number;
  readonly row?: number;
}

function write({ open, id, row = id, action = 'update', judge }: Asked): StoreWrite {
  const claim = { principal: 'p', receipt: { client: `c${id}`, write: 1 }, hash: 'h' };
  const table = open.tables.get(t) as Table;
  return rowWrite({ table, action, key: action === 'create' ? null : [BigInt(row)], claim, judge });
}

const set = (n: number): Judgement => ({ verdict: 'write', values: new Map([[1, n]]) });
const more = (before: Image | null): Judgement => set(Number(before?.[1]) + 1);
const ids = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** All at once. */
async function together(open: OpenDatabase, ...writes: readonly StoreWrite[]): Promise<readonly Answer[]> {
  return (await Promise.all(writes.map((each) => open.store.write(each)))).map(({ answer }) => answer);
}

const ns = async ({ world }: Followed): Promise<unknown[]> => (await world.app.all('SELECT n FROM t ORDER BY id')).map(({ n }) => n);

describe.each(DRIVERS)('writes of one turn (%s)', (driver) => {
  test('are one commit; one that is refused, by its judge or by a rule, takes nothing of the others along', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    const open = await followed.open();
    const reader = await followed.read(open);
    const judges: RowStep['judge'][] = [
      ...ids(20).map(() => more),
      () => set(1_000),
      () => ({ verdict: 'refuse', answer: { ok: false, code: 'forbidden', message: 'no' } }),
    ];
    const answers = await together(open, ...judges.map((judge, at) => write({ open, id: at + 1, judge })));
    expect(answers.map((answer) => (answer.ok ? answer : answer.code))).toEqual([
      ...ids(20).map((pk) => ({ ok: true, pk })),
      'invalid',
      'forbidden',
    ]);
    await reader.settled();
    expect(reader.commits[0]?.receipts).toHaveLength(22);
    expect(await ns(followed)).toEqual(ids(40).map((id) => (id <= 20 ? 1 : 0)));
  });

  test('of one row are each judged on what the one before has left, however many they are', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    const open = await followed.open();
    const answers = await together(open, ...ids(60).map((id) => write({ open, id, row: 1, judge: more })));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect((await ns(followed))[0]).toBe(60);
  });

  test('are judged again where a trigger of the app’s changed the row of one for another', async () => {
    await using followed = new Followed(driver, `${DDL}; CREATE TRIGGER adds AFTER UPDATE ON t WHEN new.id = 1 BEGIN UPDATE t SET n = n + 100 WHERE id = 2; END`, [t]); // prettier-ignore
    followed.world.exec(ROWS);
    const open = await followed.open();
    const seen: unknown[] = [];
    const judge = (before: Image | null): Judgement => {
      seen.push(before?.[1]);
      return more(before);
    };
    const answers = await together(open, write({ open, id: 1, judge: more }), write({ open, id: 2, judge }));
    expect([answers.every(({ ok }) => ok), seen]).toEqual([true, [0n, 100n]]);
    expect((await ns(followed)).slice(0, 2)).toEqual([1, 101]);
  });

  test('are done each alone where one ends the transaction of all', async () => {
    await using followed = new Followed(driver, `${DDL}; CREATE TRIGGER ends BEFORE UPDATE ON t WHEN new.n = 13 BEGIN SELECT RAISE(ROLLBACK, 'no'); END`, [t]); // prettier-ignore
    followed.world.exec(ROWS);
    const open = await followed.open();
    const answers = await together(open, ...ids(5).map((id) => write({ open, id, judge: () => set(10 + id) })));
    expect(answers.map((answer) => (answer.ok ? 'ok' : answer.code))).toEqual(['ok', 'ok', 'invalid', 'ok', 'ok']);
    expect((await ns(followed)).slice(0, 5)).toEqual([11, 12, 0, 14, 15]);
  });

  test('mend nothing that only COMMIT checks of one another', async () => {
    const ddl = DDL.replace('of INTEGER', 'of INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED');
    await using followed = new Followed(driver, ddl, [t]);
    const open = await followed.open();
    const made = (id: number, of: number | null): RowStep['judge'] => {
      const values = new Map<number, unknown>([[0, id], [1, 0], [2, of]]); // prettier-ignore
      return () => ({ verdict: 'write', values });
    };
    const [child, parent] = await together(
      open,
      write({ open, id: 1, action: 'create', judge: made(1, 2) }),
      write({ open, id: 2, action: 'create', judge: made(2, null) }),
    );
    expect([child?.ok, parent?.ok]).toEqual([false, true]);
  });

  test('wait for nothing that the app writes while it is asked, and are judged again where that was their row', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    followed.world.exec('PRAGMA busy_timeout = 0');
    const open = await followed.open();
    const seen: unknown[] = [];
    const judge = (before: Image | null): Judgement => {
      seen.push(before?.[1]);
      if (seen.length === 1) followed.world.exec('UPDATE t SET n = n + 10 WHERE id IN (2, 40)');
      return more(before);
    };
    const answers = await together(open, write({ open, id: 1, judge }), write({ open, id: 2, judge: more }), write({ open, id: 3, judge: more })); // prettier-ignore
    expect([answers.every(({ ok }) => ok), seen]).toEqual([true, [0n]]);
    const after = await ns(followed);
    expect([...after.slice(0, 3), after[39]]).toEqual([1, 11, 1, 10]);
  });

  test('asked for twice at once are done once, and answered alike', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    const open = await followed.open();
    const answers = await together(open, write({ open, id: 1, judge: more }), write({ open, id: 1, judge: more }));
    expect([answers, (await ns(followed))[0]]).toEqual([[{ ok: true, pk: 1 }, { ok: true, pk: 1 }], 1]); // prettier-ignore
  });

  test('joined by a trigger of the app’s are each judged on what the one before has left', async () => {
    const moves = 'CREATE TRIGGER moves AFTER UPDATE OF n ON t BEGIN UPDATE t SET of = coalesce(of, 0) + 1 WHERE id <> new.id; END';
    await using followed = new Followed(driver, `${DDL}; ${moves}`, [t]);
    followed.world.exec(ROWS);
    const open = await followed.open();
    const answers = await together(open, ...ids(10).map((id) => write({ open, id, judge: more })));
    expect(answers.map(({ ok }) => ok)).toEqual(ids(10).map(() => true));
    expect(await ns(followed)).toEqual(ids(40).map((id) => (id <= 10 ? 1 : 0)));
  });

  test('are judged without a lock held against the judge: what it asks to be written is written after them', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    const open = await followed.open();
    let marked: Promise<unknown> = Promise.reject(new Error('not judged'));
    marked.catch(() => undefined);
    const judge = (before: Image | null): Judgement => {
      marked = open.source.mark({ client: 'audit', write: 1 });
      return more(before);
    };
    const [answer] = await together(open, write({ open, id: 1, judge }));
    await marked;
    expect(answer?.ok).toBe(true);
  });

  test('behind a writer that does not end are all refused when the first is: nobody waits for another’s patience', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec(ROWS);
    const swift = {
      ...suiteClock,
      now: () => performance.now() * 20,
      after: (ms: number, fire: () => void) => suiteClock.after(ms / 20, fire),
    };
    const open = await followed.world.database().open([boundOf(t)], { setup: 'auto', clock: swift, log: followed.log });
    try {
      followed.world.exec('BEGIN IMMEDIATE');
      const refused: string[] = [];
      let waiting = 4;
      const first = Promise.race(
        ids(4).map(async (id) => {
          const { answer } = await open.store.write(write({ open, id, row: 1, judge: more }));
          refused.push(answer.ok ? 'ok' : answer.code);
          waiting--;
        }),
      );
      await first;
      await new Promise((resolve) => setImmediate(resolve));
      expect([waiting, refused]).toEqual([0, ['busy', 'busy', 'busy', 'busy']]);
    } finally {
      followed.world.exec('ROLLBACK');
      await open.close();
    }
  });
});
