import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import * as core045 from 'drizzle-orm';
import * as core1 from 'drizzle-orm-1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copies } from '../../test/drizzle/copies.ts';
import type { Condition, Model } from '../core/index.ts';
import { drizzle, type DrizzleTable } from './index.ts';

/** Operators of the copy's own, typed as the older one's. */
const OPERATORS = { '0.45': core045, '1.0': core1 as unknown as typeof core045 } as const;

type Columns = Record<string, core045.Column>;
type Query = PromiseLike<readonly Readonly<Record<string, unknown>>[]> & { where(condition: unknown): Query };
type Make = (
  operators: typeof core045,
  columns: Columns,
  other: { readonly table: unknown; readonly columns: Columns },
) => core045.SQL | undefined;

const DAY = new Date('2026-11-23T12:00:00.000Z');

/** Conditions that both dialects have. */
const CONDITIONS: Readonly<Record<string, Make>> = {
  'a text': ({ eq }, { name }) => eq(name as never, "o'b"),
  'a boolean': ({ eq }, { done }) => eq(done as never, true),
  'a date': ({ gte }, { at }) => gte(at as never, DAY),
  'JSON, a list': ({ eq }, { json }) => eq(json as never, ['x', 1]),
  'one of several': ({ inArray }, { id }) => inArray(id as never, [1, 3]),
  'none of none': ({ inArray, not }, { id }) => not(inArray(id as never, [])),
  'and, or, not, null': ({ and, or, not, isNull, eq }, { id, name }) =>
    and(or(eq(id as never, 1), isNull(name as never)), not(eq(id as never, 9))),
  'a text of SQL with values': ({ sql }, { id, name }) => sql`${id} + ${1} > ${2} and lower(${name}) like ${'%b'}`,
  'a value written into the text': ({ sql }, { name }) => sql`${name} = ${"o'b"}`.inlineParams(),
  'another table in a subquery': ({ sql, exists }, { id }, { table, columns }) =>
    exists(sql`(select 1 from ${table} where ${columns['item']} = ${id} and ${columns['kind']} = ${'k'})`),
  'another column': ({ gt, sql }, { id, name }) => gt(id as never, sql`length(${name}) - ${2}`),
};

const ROWS = [
  `(1, 'o''b', true, '2026-11-23T12:00:00Z', '["x",1]')`,
  `(2, 'Bob', false, '2026-11-22T12:00:00Z', '{"a":1}')`,
  `(3, null, true, '2026-11-24T12:00:00Z', 'null')`,
  `(4, 'b', null, null, null)`,
];

describe.each(copies)('conditions of drizzle-orm $version', (copy) => {
  const operators = OPERATORS[copy.version];

  describe('over SQLite', () => {
    const item = copy.sqlite.sqliteTable('it"em', {
      id: copy.sqlite.integer('id').primaryKey(),
      name: copy.sqlite.text('na"me'),
      done: copy.sqlite.integer('done', { mode: 'boolean' }),
      at: copy.sqlite.integer('at', { mode: 'timestamp' }),
      json: copy.sqlite.text('json', { mode: 'json' }),
    });
    const kind = copy.sqlite.sqliteTable('kind', { item: copy.sqlite.integer('item'), kind: copy.sqlite.text('kind') });
    const model = drizzle(item) as unknown as Model;
    const database = new Database(':memory:');
    database.exec(
      'CREATE TABLE "it""em"(id INTEGER PRIMARY KEY, "na""me" TEXT, done INTEGER, at INTEGER, json TEXT); CREATE TABLE kind(item INTEGER, kind TEXT)',
    );
    database.exec(
      `INSERT INTO "it""em" VALUES ${ROWS.join(', ')}; UPDATE "it""em" SET at = unixepoch(at); INSERT INTO kind VALUES (2, 'k'), (3, 'j')`,
    );
    afterAll(() => database.close());

    test.each(Object.keys(CONDITIONS))('%s finds what select().where() finds', async (name) => {
      const where = CONDITIONS[name]?.(operators, item as unknown as Columns, {
        table: kind,
        columns: kind as unknown as Columns,
      }) as object;
      const { sql, params } = conditionOf(model, where);
      expect(sql.match(/\?/g)?.length ?? 0).toBe(params.length);
      const found = database
        .prepare(`SELECT id FROM "it""em" WHERE ${sql} ORDER BY id`)
        .pluck()
        .all(...params);
      const query = copy.betterSqlite(database).select().from(item) as unknown as Query;
      const expected = (await query.where(where)).map(({ id }) => id);
      expect(found).toEqual(expected);
      expect(found.length).toBeGreaterThan(0);
    });
  });

  describe('over Postgres', () => {
    const item = copy.pg.pgTable('it"em', {
      id: copy.pg.integer('id').primaryKey(),
      name: copy.pg.text('na"me'),
      done: copy.pg.boolean('done'),
      at: copy.pg.timestamp('at', { withTimezone: true }),
      json: copy.pg.jsonb('json'),
      tags: copy.array(copy.pg.text('tags')),
    });
    const kind = copy.pg.pgSchema('o"ther').table('kind', { item: copy.pg.integer('item'), kind: copy.pg.text('kind') });
    const model = drizzle(item as DrizzleTable) as unknown as Model;
    let client: PGlite;
    beforeAll(async () => {
      client = await PGlite.create();
      await client.exec('create table "it""em"(id int primary key, "na""me" text, done boolean, at timestamptz, json jsonb, tags text[])');
      await client.exec(`insert into "it""em" values ${ROWS.join(', ')}; update "it""em" set tags = array['a,b', '"'] where id = 2`);
      await client.exec(
        `create schema "o""ther"; create table "o""ther".kind(item int, kind text); insert into "o""ther".kind values (2, 'k'), (3, 'j')`,
      );
    });
    afterAll(() => client.close());

    test.each([...Object.keys(CONDITIONS), 'an array'])('%s finds what it says', async (name) => {
      const columns = item as unknown as Columns;
      const where = (
        name === 'an array'
          ? operators.eq(columns['tags'] as never, ['a,b', '"'])
          : CONDITIONS[name]?.(operators, columns, { table: kind, columns: kind as unknown as Columns })
      ) as object;
      const { sql, params } = conditionOf(model, where);
      expect(sql.match(/\$\d+/g)?.length ?? 0).toBe(params.length);
      // PGlite writes JSON and arrays by the column's type; node-postgres needs their text.
      expect(params.filter((param) => typeof param === 'object')).toEqual([]);
      const { rows } = await client.query<{ id: number }>(`select id from "it""em" where ${sql} order by id`, [...params]);
      expect(rows.map(({ id }) => id)).toEqual(FOUND[name]);
    });

    test('its placeholders are numbered from $1, also those of what it is made of', () => {
      const { eq, or, inArray } = operators;
      const { id, name } = item as unknown as Columns;
      const made = conditionOf(model, or(eq(id as never, 1), inArray(name as never, ['a', 'b'])) as object);
      expect(made.sql.match(/\$\d+/g)).toEqual(['$1', '$2', '$3']);
      expect(made.params).toEqual([1, 'a', 'b']);
    });
  });

  test('a column declared without a name is called as `casing` says, where the version has that', () => {
    const table = copy.sqlite.sqliteTable('t', { id: copy.sqlite.integer().primaryKey(), madeAt: copy.sqlite.integer() });
    const model = drizzle(table, { casing: 'snake_case' }) as unknown as Model;
    const { sql } = conditionOf(model, operators.eq((table as unknown as Columns)['madeAt'] as never, 1));
    expect(sql).toBe(copy.version === '0.45' ? '"t"."made_at" = ?' : '"t"."madeAt" = ?');
  });

  test.each<readonly [string, (operators: typeof core045, column: never) => object]>([
    ['an object of columns', () => ({ public: true })],
    ['a column', (_, column) => column],
    ['a text', () => Object('id = 1') as object],
    ['a placeholder', ({ eq, sql }, column) => eq(column, sql.placeholder('id'))],
    ['a date that no column takes', ({ sql }, column) => sql`${column} > ${DAY}`],
    ['nothing where a value is due', ({ sql }, column) => sql`${column} = ${sql.param(undefined)}`],
  ])('%s is refused with the cure', (_, make) => {
    const table = copy.sqlite.sqliteTable('t', { id: copy.sqlite.integer('id').primaryKey() });
    const model = drizzle(table) as unknown as Model;
    expect(() => conditionOf(model, make(operators, (table as unknown as Columns)['id'] as never))).toThrow(
      expect.objectContaining({
        code: 'binding_invalid',
        message: expect.stringMatching(/`where` of "t".*(eq\(|compare columns)/) as string,
      }),
    );
  });
});

function conditionOf(model: Model, where: object): Condition {
  return model.condition?.(where) as Condition;
}

const FOUND: Readonly<Record<string, readonly number[]>> = {
  'a text': [1],
  'a boolean': [1, 3],
  'a date': [1, 3],
  'JSON, a list': [1],
  'one of several': [1, 3],
  'none of none': [1, 2, 3, 4],
  'and, or, not, null': [1, 3],
  'a text of SQL with values': [2, 4],
  'a value written into the text': [1],
  'another table in a subquery': [2],
  'another column': [2, 4],
  'an array': [2],
};
