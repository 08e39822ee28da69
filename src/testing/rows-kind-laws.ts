import assert from 'node:assert/strict';
import { rowValue, UNREADABLE, type Image, type Model } from '../core/index.ts';
import type { DatabaseFixture } from './fixture.ts';
import { kindsTable, type KindCase } from './kinds.ts';
import { tableOf, type LogReader, type Opened } from './opened.ts';
import { plainModel } from './plain-model.ts';
import { readAll } from './reading.ts';
import type { Laws } from './runner.ts';
import { boundOf } from './tables.ts';

/** Every kind of column: as an image, as what rows are found by, and as a key. */
export function rowsKindLaws({ dialect }: DatabaseFixture): Laws<Opened> {
  const { ddl, model, cases } = kindsTable(dialect);
  const laws: Record<string, (opened: Opened) => Promise<void>> = {
    async 'a column that the table does not have is unreadable in rows as in the log'(opened) {
      const drifted = plainModel({
        dialect,
        table: 'blog',
        key: ['id'],
        columns: {
          id: { sqlType: 'integer', shape: 'number' },
          subtitle: { sqlType: 'text', shape: 'string' },
          title: { sqlType: 'text', shape: 'string' },
        },
      }) as unknown as Model;
      const open = await opened.open([{ model: drifted, listed: new Set(['title']) }]);
      const reader = await opened.read(open);
      await opened.run("INSERT INTO blog(id, title) VALUES (1, 'b')");
      await reader.settled();
      const { images } = await readAll(open, tableOf(open, drifted));
      assert.deepEqual(images, afterOf(reader));
      assert.equal(images[0]?.[1], UNREADABLE);
    },
  };

  for (const [at, { name, column, values }] of cases.entries()) {
    laws[`${name} is read as the log has it, and found by what code has for it`] = async (opened) => {
      await opened.run(...ddl);
      const open = await opened.open([boundOf(model)]);
      const table = tableOf(open, model);
      const place = at + 1;
      const reader = await opened.read(open);
      for (const [sql] of values) await opened.run(`INSERT INTO kinds(c${at}) VALUES (${sql})`); // sql: constants of the suite
      await opened.run(`INSERT INTO kinds(c${at}) VALUES (NULL)`);
      await reader.settled();
      const { images } = await readAll(open, table, { page: 2 });
      assert.deepEqual(images, afterOf(reader));

      for (const image of images.filter((_, index) => isExact(column, values[index]))) {
        const tuple = [rowValue(table, image, place)];
        const found = await readAll(open, table, { selection: { by: 'values', places: [place], tuples: [tuple] } });
        assert.deepEqual(found.images, [image], `${String(tuple[0])} was not found, or more than it`);
      }
    };

    if (column.shape === 'json' || column.sqlType.endsWith('[]')) continue;
    laws[`a key of ${name}: every row comes once, in the database’s order`] = async (opened) => {
      const all = column.sqlType === 'text' ? [...values, ...TEXTS] : values;
      const key = { ...column, notNull: true };
      const keyed = plainModel({
        dialect,
        table: 'keyed',
        key: ['k', 'n'],
        columns: { k: key, n: { sqlType: 'integer', shape: 'number', notNull: true } },
      });
      const single = plainModel({
        dialect,
        table: 'alone',
        key: ['k'],
        columns: { k: key, n: { sqlType: 'integer', shape: 'number', notNull: true } },
      });
      await opened.run(
        ...ddl.filter((statement) => statement.startsWith('CREATE TYPE')),
        `CREATE TABLE keyed (k ${column.sqlType} NOT NULL, n integer NOT NULL, PRIMARY KEY (k, n))`, // sql: constants of the suite
        `CREATE TABLE alone (k ${column.sqlType} NOT NULL PRIMARY KEY, n integer NOT NULL)`, // sql: constants of the suite
      );
      const bound = [keyed, single].map((each) => boundOf(each as unknown as Model));
      const open = await opened.open(bound);
      for (const [index, [sql]] of all.entries()) {
        await opened.run(
          `INSERT INTO keyed VALUES (${sql}, 2), (${sql}, 1), (${sql}, 3)`, // sql: constants of the suite
          `INSERT INTO alone VALUES (${sql}, ${index})`, // sql: constants of the suite
        );
      }
      for (const { model: each } of bound) {
        const order = await opened.world.app.all(`SELECT n FROM ${each.name} ORDER BY ${each.key.join(', ')}`); // sql: constants of the suite
        for (const page of [1, 2, 100]) {
          const { rows } = await readAll(open, tableOf(open, each), { page });
          assert.deepEqual(
            rows.map(({ n }) => n),
            order.map(({ n }) => Number(n)),
            `${each.name} in pages of ${page}`,
          );
        }
      }
    };
  }
  return laws;
}

/** Texts that collations put otherwise than bytes do. */
const TEXTS: KindCase['values'] = ["'a'", "'B'", "'b'", "'A'", "'Ä'", "'á'", "'z'", "'ab'", "'a b'", "'a-b'", "'10'", "'9'"].map(
  (sql) => [sql, null] as const,
);

/** Whether what code has for it says which value it is. */
function isExact({ shape, sqlType }: KindCase['column'], value: KindCase['values'][number] | undefined): boolean {
  if (!value || shape === 'json' || sqlType.endsWith('[]')) return false;
  return shape !== 'number' || typeof value[1] === 'number';
}

function afterOf({ commits }: LogReader): readonly Image[] {
  return commits.flatMap(({ changes }) => changes.flatMap(({ after }) => (after ? [after] : [])));
}
