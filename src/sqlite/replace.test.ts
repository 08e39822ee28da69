import fc from 'fast-check';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { DRIVERS } from '../../test/sqlite/fixture.ts';
import { Followed, model } from '../../test/sqlite/followed.ts';
import { fold, keyText, type Commit, type Model } from '../core/index.ts';
import { predicateOf } from './sql.ts';

/** Tables whose rows can be replaced in every way SQLite knows. Each has the columns k, a, b, c. */
const TABLES: Readonly<Record<string, { readonly ddl: string; readonly model: Model }>> = {
  'a rowid table with two unique constraints': {
    ddl: 'CREATE TABLE t(k INTEGER PRIMARY KEY, a UNIQUE, b, c, UNIQUE(b, c))',
    model: model('t', 'k integer, a blob, b blob, c blob', 'k'),
  },
  'a table WITHOUT ROWID': {
    ddl: 'CREATE TABLE t(k INTEGER NOT NULL, a UNIQUE, b, c, PRIMARY KEY(k, b)) WITHOUT ROWID',
    model: model('t', 'k integer, a blob, b blob, c blob', 'k', 'b'),
  },
  'a key by a collation': {
    ddl: 'CREATE TABLE t(k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, a, b, c); CREATE UNIQUE INDEX u ON t(a COLLATE NOCASE)',
    model: model('t', 'k text, a blob, b blob, c blob', 'k'),
  },
  'a partial index': {
    ddl: "CREATE TABLE t(k INTEGER PRIMARY KEY, a, b, c); CREATE UNIQUE INDEX [u where] ON t(a) WHERE c IS NOT 'where (' /* b */ AND b > 1",
    model: model('t', 'k integer, a blob, b blob, c blob', 'k'),
  },
  'a generated column and a default that conflict': {
    ddl: "CREATE TABLE t(k INTEGER PRIMARY KEY, a, b NOT NULL DEFAULT 1 UNIQUE, c, g GENERATED ALWAYS AS (a || '!') VIRTUAL UNIQUE)",
    model: model('t', 'k integer, a blob, b blob, c blob', 'k'),
  },
  'constraints that replace by themselves': {
    ddl: 'CREATE TABLE t(k INTEGER PRIMARY KEY ON CONFLICT REPLACE, a UNIQUE ON CONFLICT REPLACE, b UNIQUE ON CONFLICT IGNORE, c)',
    model: model('t', 'k integer, a blob, b blob, c blob', 'k'),
  },
  'triggers of the app that write the same table': {
    ddl: `CREATE TABLE t(k INTEGER PRIMARY KEY, a UNIQUE, b, c);
      CREATE TRIGGER app1 AFTER INSERT ON t WHEN NEW.b = 1 BEGIN UPDATE t SET c = 'touched' WHERE k = NEW.k; END;
      CREATE TRIGGER app2 BEFORE INSERT ON t WHEN NEW.b = 2 BEGIN UPDATE t SET c = 'before' WHERE a = NEW.a; END;
      CREATE TRIGGER app3 AFTER INSERT ON t WHEN NEW.b = 3 AND NEW.k < 90 BEGIN INSERT OR REPLACE INTO t VALUES (NEW.k + 1, NEW.a, 0, 'nested'); END;
      CREATE TRIGGER app4 AFTER DELETE ON t WHEN OLD.b = 2 BEGIN DELETE FROM t WHERE k = OLD.k + 1; END`,
    model: model('t', 'k integer, a blob, b blob, c blob', 'k'),
  },
};

const value = fc.constantFrom('NULL', '0', '1', '2', '3', "'x'", "'X'");
const key = fc.constantFrom('1', '2', '3', '4', "'5'");
const policy = fc.constantFrom('', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE', 'OR FAIL', 'OR ABORT', 'OR ROLLBACK');
const row = fc.tuple(fc.oneof(key, key, fc.constant('NULL')), value, value, value).map((parts) => `(${parts.join(', ')})`);
const statement = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(policy, fc.array(row, { minLength: 1, maxLength: 3 }))
      .map(([how, rows]) => `INSERT ${how} INTO t(k, a, b, c) VALUES ${rows.join(', ')}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(policy, fc.constantFrom('k', 'a', 'b', 'c', 'a = c, b'), value, fc.constantFrom('k', 'a', 'b'), value)
      .map(([how, set, to, where, is]) => `UPDATE ${how} t SET ${set} = ${to} WHERE ${where} IS ${is}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'UPDATE OR REPLACE t SET k = k + 1',
      'UPDATE OR IGNORE t SET k = k + 1',
      'UPDATE OR REPLACE t SET a = b',
      'REPLACE INTO t(k, a, b, c) SELECT k + 1, a, b, c FROM t',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(row, value)
      .map(([values, to]) => `INSERT INTO t(k, a, b, c) VALUES ${values} ON CONFLICT DO UPDATE SET c = ${to}, a = excluded.b`),
  },
  { weight: 1, arbitrary: row.map((values) => `INSERT INTO t(k, a, b, c) VALUES ${values} ON CONFLICT DO NOTHING`) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('k', 'a', 'b'), value).map(([where, is]) => `DELETE FROM t WHERE ${where} IS ${is}`) },
  { weight: 2, arbitrary: fc.constantFrom('BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'RELEASE s') },
);

/** The table, made of nothing but its log: what every image before says must be so. */
class Mirror {
  readonly rows = new Map<string, string>();

  apply({ changes, lost }: Commit): void {
    expect(lost).toEqual([]);
    for (const { table, before, after } of fold(changes)) {
      const at = keyText(table, (after ?? before) as never);
      expect(this.rows.get(at)).toEqual(before ? textOf(before) : undefined);
      if (after) this.rows.set(at, textOf(after));
      else this.rows.delete(at);
    }
  }
}

function textOf(image: readonly unknown[]): string {
  return JSON.stringify(image.map((each) => (typeof each === 'bigint' ? `${each}n` : each)));
}

describe('what REPLACE deletes without a trigger is in the log, and nothing that it did not', () => {
  const reports: string[] = [];
  afterAll(() => console.log(reports.join('\n')));

  for (const [name, { ddl, model: bound }] of Object.entries(TABLES)) {
    for (const recursive of ['off', 'on']) {
      test(`${name}, recursive_triggers ${recursive}`, async () => {
        let ran = 0;
        const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
        reports.push(`replace: ${name}, ${recursive}: SEED=${seed}`);
        await using followed = new Followed('node:sqlite', ddl, [bound]);
        const reader = await followed.read();
        const client = new DatabaseSync(followed.world.file);
        client.exec(`PRAGMA recursive_triggers = ${recursive}; PRAGMA synchronous = OFF`);
        try {
          await fc.assert(
            fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 25 }), async (statements) => {
              const from = reader.commits.length;
              const mirror = new Mirror();
              for (const text of statements) {
                ran += attempt(client, text) ? 1 : 0;
                // Commits of their own, so that images before them are told too.
                if (!client.isTransaction) await reader.settled();
              }
              attempt(client, 'COMMIT');
              await reader.settled();
              for (const commit of reader.commits.slice(from)) mirror.apply(commit);
              const all = client.prepare('SELECT k, a, b, c FROM t');
              all.setReadBigInts(true);
              all.setReturnArrays(true);
              const actual = all.all().map((each) => textOf(each as unknown as unknown[]));
              expect([...mirror.rows.values()].toSorted()).toEqual(actual.toSorted());
              client.exec('DELETE FROM t');
              await reader.settled();
            }),
            { seed, numRuns: 100, endOnFailure: false },
          );
          expect(ran).toBeGreaterThan(300);
        } finally {
          client.close();
        }
      });
    }
  }
});

function attempt(client: DatabaseSync, text: string): boolean {
  try {
    client.exec(text);
    return true;
  } catch {
    return false;
  }
}

describe('replaced rows', () => {
  for (const driver of DRIVERS) {
    test(`a replaced row takes its children by cascade, and all of them are deletes (${driver})`, async () => {
      const ddl =
        'CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)';
      await using followed = new Followed(driver, ddl, [model('p', 'id integer, u blob', 'id'), model('c', 'id integer, p blob', 'id')]);
      followed.world.exec('INSERT INTO p VALUES (1, 7); INSERT INTO c VALUES (10, 1)');
      const reader = await followed.read();
      followed.world.exec('INSERT OR REPLACE INTO p VALUES (2, 7)');
      await reader.settled();
      const gone = reader.changes.filter(({ after }) => after === null).map(({ table, before }) => [table, before?.['id']]);
      expect(gone.toSorted()).toEqual([
        ['c', 10],
        ['p', 1],
      ]);
    });
  }

  test('a row that was only ignored, or updated in place, is not told as gone', async () => {
    await using followed = new Followed('node:sqlite', 'CREATE TABLE t(k INTEGER PRIMARY KEY, a UNIQUE, b, c)', [
      TABLES['a partial index']?.model as Model,
    ]);
    followed.world.exec('INSERT INTO t VALUES (1, 1, 1, 1)');
    const reader = await followed.read();
    followed.world.exec('INSERT OR IGNORE INTO t VALUES (1, 2, 2, 2); INSERT OR IGNORE INTO t VALUES (2, 1, 2, 2)');
    followed.world.exec('INSERT INTO t VALUES (3, 1, 0, 0) ON CONFLICT DO UPDATE SET b = 5');
    await reader.settled();
    expect(reader.changes.map(({ before, after }) => [before?.['b'], after?.['b']])).toEqual(
      [[1, 5]].map((pair) => pair.map(() => expect.anything())),
    );
    expect(reader.changes).toHaveLength(1);
  });

  test.each([
    ['CREATE UNIQUE INDEX i ON t(a) WHERE b > 1', 'b > 1'],
    ["create unique index [where] on t(a, (b)) where c = ') where' -- d", "c = ') where' -- d"],
    ['CREATE UNIQUE INDEX "i where" ON t(a /* where */)', null],
  ])('the predicate of %s is found', (sql, predicate) => {
    expect(predicateOf(sql)).toBe(predicate);
  });
});
