import { describe, expect, test } from 'vitest';
import { DRIVERS, otherProcess } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import type { Answer, Judgement, OpenDatabase, RowStep, StoreWrite, Table } from '../core/index.ts';
import { rowValue } from '../core/index.ts';
import { judgedBy, rowWrite } from '../testing/store-write.ts';

const DDL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, by TEXT)';
const t = model('t', 'id integer, n integer, by text', 'id');

function write(open: OpenDatabase, id: number, judge: RowStep['judge']): StoreWrite {
  const table = open.tables.get(t) as Table;
  const claim = { principal: 'p', receipt: { client: 'c', write: id }, hash: 'h' };
  return rowWrite({ table, action: 'update', key: [BigInt(1)], claim, judge });
}

describe.each(DRIVERS)('locks (%s)', (driver) => {
  test("the app's own writes during a thousand writes of clients: none fails, none waits, none is lost", async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 0, 'nobody'), (2, 0, 'nobody')");
    // An app that waits for nothing: whatever made it wait would make it fail.
    followed.world.exec('PRAGMA busy_timeout = 0');
    const open = await followed.open();
    const reader = await followed.read(open);
    const table = open.tables.get(t) as Table;
    const answers: Answer[] = [];
    let own = 0;
    const clients = Array.from({ length: 20 }, async (_, client) => {
      for (let at = 0; at < 50; at++) {
        const id = client * 50 + at;
        const { answer } = await open.store.write(
          write(open, id, async (before): Promise<Judgement> => {
            await new Promise((resolve) => setImmediate(resolve));
            if (id % 2 === 0) return { verdict: 'refuse', answer: { ok: false, code: 'forbidden', message: 'no' } };
            return {
              verdict: 'write',
              values: new Map([[2, `client ${id} after ${String(before && rowValue(table, before, 2))}`]]),
            };
          }),
        );
        answers.push(answer);
      }
    });
    let done = false;
    const app = (async () => {
      while (!done) {
        followed.world.exec('UPDATE t SET n = n + 1 WHERE id = 2');
        followed.world.exec('BEGIN; UPDATE t SET n = n + 1 WHERE id = 2; COMMIT');
        own += 2;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all(clients);
    done = true;
    await app;
    await reader.settled();
    expect(answers).toHaveLength(1000);
    expect(answers.filter(({ ok }) => !ok).length).toBeGreaterThanOrEqual(500);
    const told = reader.changes.filter(({ after }) => after?.['id'] === 2).map(({ after }) => after?.['n']);
    expect(told).toEqual(Array.from({ length: own }, (_, at) => at + 1));
    const written = reader.changes.filter(({ after }) => after?.['id'] === 1).length;
    expect(written).toBe(answers.filter(({ ok }) => ok).length);
  });

  test('a write waits for the transaction that the app holds open across awaits, without stopping the app', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 0, 'nobody')");
    const open = await followed.open();
    followed.world.exec("BEGIN IMMEDIATE; UPDATE t SET by = 'app'");
    const asked = open.store.write(write(open, 1, () => ({ verdict: 'write', values: new Map([[1, 7]]) })));
    for (let at = 0; at < 5; at++) await new Promise((resolve) => setTimeout(resolve, 10));
    followed.world.exec('COMMIT');
    expect((await asked).answer).toEqual({ ok: true, pk: 1 });
    expect(await followed.world.app.all('SELECT n, by FROM t')).toMatchObject([{ n: 7, by: 'app' }]);
  });

  test('writers in four other processes and clients together: no acknowledged write is lost', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 0, '')");
    const open = await followed.open();
    const reader = await followed.read(open);
    const others = Array.from({ length: 4 }, () => otherProcess(followed.world.file));
    try {
      const theirs = others.map(async (other) => {
        for (let at = 0; at < 25; at++) await other.run('UPDATE t SET n = n + 1');
      });
      let ours = 0;
      for (let id = 0; ours < 50 && id < 1000; id++) {
        const { answer } = await open.store.write(
          write(open, id, (before) => ({ verdict: 'write', values: new Map([[1, Number(before?.[1]) + 1]]) })),
        );
        if (answer.ok) ours++;
        else expect(answer.code).toMatch(/conflict|busy/);
      }
      await Promise.all(theirs);
      await reader.settled();
      expect(await followed.world.app.all('SELECT n FROM t')).toMatchObject([{ n: 100 + ours }]);
      expect(reader.changes.map(({ after }) => after?.['n'])).toEqual(Array.from({ length: 100 + ours }, (_, at) => at + 1));
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });

  test('a row that changes every time it is judged ends in `conflict`, which is not stored', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 0, '')");
    const open = await followed.open();
    let judged = 0;
    const restless = write(open, 1, () => {
      judged++;
      followed.world.exec('UPDATE t SET n = n + 1');
      return { verdict: 'write', values: new Map([[2, 'me']]) };
    });
    const { answer, logged } = await open.store.write(restless);
    expect([judged, logged, answer.ok ? null : answer.code]).toEqual([3, false, 'conflict']);
    const calm = judgedBy(restless, () => ({ verdict: 'write', values: new Map([[2, 'me']]) }));
    expect((await open.store.write(calm)).answer.ok).toBe(true);
  });

  test('a hook that returns a promise writes nothing, and fails with what to do', async () => {
    await using followed = new Followed(driver, DDL, [t]);
    followed.world.exec("INSERT INTO t VALUES (1, 0, '')");
    const open = await followed.open();
    const hooked = write(open, 1, () => ({
      verdict: 'hook',
      run: async () => {
        await Promise.reject(new Error('nobody waits for this'));
      },
    }));
    const failure = { code: 'hook_invalid', message: expect.stringMatching(/returned a promise.*synchronous/) as string };
    await expect(open.store.write(hooked)).rejects.toMatchObject(failure);
    // What failed is not kept: whoever asked may say what is.
    expect((await open.store.write(write(open, 1, () => ({ verdict: 'write', values: new Map([[1, 1]]) })))).answer.ok).toBe(true);
  });
});
