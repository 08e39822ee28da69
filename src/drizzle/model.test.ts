import fc from 'fast-check';
import { toCamelCase, toSnakeCase } from 'drizzle-orm/casing';
import * as mysql from 'drizzle-orm/mysql-core';
import { describe, expect, test } from 'vitest';
import { copies } from '../../test/drizzle/copies.ts';
import { RowcastError, type Model } from '../core/index.ts';
import { drizzle, type DrizzleTable } from './index.ts';
import { cased } from './names.ts';

const facts = (model: Pick<Model, 'columns'>): Record<string, string> =>
  Object.fromEntries(
    model.columns.map(({ name, column, sqlType, shape, notNull, hasDefault, generated }) => [
      name,
      [column, sqlType, shape, notNull && 'not null', hasDefault && 'default', generated && 'generated'].filter(Boolean).join(' | '),
    ]),
  );

const refusal = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof RowcastError && error.code === 'binding_invalid') return error.message;
    throw error;
  }
  throw new Error('was not refused');
};

describe.each(copies)('drizzle-orm $version', (copy) => {
  const { pg, sqlite, core } = copy;

  test('a Postgres table is read as it is declared', () => {
    const mood = pg.pgEnum('mood', ['sad', 'ok']);
    const model = drizzle(
      pg.pgSchema('auth').table('user', {
        id: pg.integer('id').primaryKey().generatedAlwaysAsIdentity(),
        seat: pg.integer('seat_no').generatedByDefaultAsIdentity(),
        big: pg.bigint('big', { mode: 'bigint' }).notNull(),
        email: pg.varchar('email', { length: 100 }).notNull().default('x'),
        shout: pg.text('shout').generatedAlwaysAs(core.sql`upper(email)`),
        made: pg.timestamp('made_at', { withTimezone: true, precision: 3 }).defaultNow(),
        day: pg.date('day', { mode: 'string' }),
        token: pg.uuid('token').$defaultFn(() => 'made'),
        mood: mood('mood'),
        tags: copy.array(pg.text('tags')),
        times: copy.array(pg.timestamp('times')),
        grid: copy.array(pg.integer('grid'), 2),
        settings: pg.jsonb('settings'),
        at: pg.point('at'),
        amount: pg.numeric('amount', { precision: 10, scale: 2 }),
        raw: pg.customType<{ data: Uint8Array }>({ dataType: () => 'bytea' })('raw'),
        money: pg.customType<{ data: { cents: number } }>({ dataType: () => 'integer', fromDriver: (value) => ({ cents: Number(value) }) })(
          'money',
        ),
        serial: pg.serial('serial'),
        vector: pg.vector('vector', { dimensions: 3 }),
      }),
    );
    expect(facts(model)).toEqual({
      id: 'id | integer | number | not null | default | generated',
      seat: 'seat_no | integer | number | not null | default',
      big: 'big | bigint | bigint | not null',
      email: 'email | varchar(100) | string | not null | default',
      shout: 'shout | text | string | default | generated',
      made: 'made_at | timestamp (3) with time zone | date | default',
      day: 'day | date | string',
      token: 'token | uuid | string | default',
      mood: 'mood | mood | string',
      tags: 'tags | text[] | string',
      times: 'times | timestamp[] | date',
      grid: 'grid | integer[][] | number',
      settings: 'settings | jsonb | json',
      at: 'at | point | json',
      amount: 'amount | numeric(10, 2) | string',
      raw: 'raw | bytea | bytes',
      money: 'money | integer | json',
      serial: 'serial | serial | number | not null | default',
      vector: 'vector | vector(3) | json',
    });
    expect(model).toMatchObject({ dialect: 'postgres', name: 'auth.user', table: { schema: 'auth', name: 'user' }, key: ['id'] });
  });

  test('a SQLite table is read as it is declared', () => {
    const model = drizzle(
      sqlite.sqliteTable('post', {
        id: sqlite.integer('id').primaryKey(),
        done: sqlite.integer('done', { mode: 'boolean' }).notNull().default(false),
        made: sqlite.integer('made_at', { mode: 'timestamp' }),
        text: sqlite.text('text', { length: 10 }),
        settings: sqlite.text('settings', { mode: 'json' }),
        size: sqlite.real('size'),
        raw: sqlite.blob('raw', { mode: 'buffer' }),
        big: sqlite.blob('big', { mode: 'bigint' }),
        amount: sqlite.numeric('amount'),
        twice: sqlite.integer('twice').generatedAlwaysAs(core.sql`size * 2`),
        custom: sqlite.customType<{ data: Uint8Array }>({ dataType: () => 'blob' })('custom'),
      }),
    );
    expect(facts(model)).toEqual({
      id: 'id | integer | number | not null | default',
      done: 'done | integer | boolean | not null | default',
      made: 'made_at | integer | date',
      text: 'text | text(10) | string',
      settings: 'settings | text | json',
      size: 'size | real | number',
      raw: 'raw | blob | bytes',
      big: 'big | blob | bigint',
      amount: 'amount | numeric | string',
      twice: 'twice | integer | number | default | generated',
      custom: 'custom | blob | bytes',
    });
    expect(model).toMatchObject({ dialect: 'sqlite', name: 'main.post', table: { schema: undefined, name: 'post' }, key: ['id'] });
  });

  test('a composite key is in the order it is declared in, by either form of the extra config', () => {
    const columns = { a: pg.integer('col_a'), b: pg.integer('col_b'), c: pg.integer('col_c') };
    expect(drizzle(pg.pgTable('t', columns, (t) => [pg.index('i').on(t.a), pg.primaryKey({ columns: [t.c, t.a] })])).key).toEqual([
      'c',
      'a',
    ]);
    expect(drizzle(pg.pgTable('t', { ...columns }, (t) => ({ pk: pg.primaryKey({ name: 'pk', columns: [t.b, t.c] }) }))).key).toEqual([
      'b',
      'c',
    ]);
    const table = sqlite.sqliteTable('t', { a: sqlite.integer(), b: sqlite.text() }, (t) => [sqlite.primaryKey({ columns: [t.b, t.a] })]);
    expect(drizzle(table, { casing: 'snake_case' }).key).toEqual(['b', 'a']);
    expect(drizzle(sqlite.sqliteTable('t', { a: sqlite.integer() })).key).toEqual([]);
  });

  test('a column without a name of its own is named as `casing` says, one with a name is not', () => {
    const table = pg.pgTable('t', { createdAt: pg.integer(), userID: pg.integer(), given: pg.integer('givenName') });
    expect(drizzle(table).columns.map(({ column }) => column)).toEqual(['createdAt', 'userID', 'givenName']);
    expect(drizzle(table, { casing: 'snake_case' }).columns.map(({ column }) => column)).toEqual(['created_at', 'user_id', 'givenName']);
    expect(drizzle(table, { casing: 'snake_case' }).columns.map(({ name }) => name)).toEqual(['createdAt', 'userID', 'given']);
  });

  test('the name on the wire is the one given, else schema and table', () => {
    const table = pg.pgTable('post', { id: pg.integer() });
    expect([drizzle(table).name, drizzle(table, { name: 'blog.post' }).name]).toEqual(['public.post', 'blog.post']);
  });

  test('what the ORM fills in is filled in as it does it: a column without a default is filled on insert by its update function', () => {
    let count = 0;
    const model = drizzle(
      pg.pgTable('t', {
        id: pg
          .uuid('id')
          .primaryKey()
          .$defaultFn(() => `id ${++count}`),
        changed: pg.integer('changed').$onUpdateFn(() => 7),
        both: pg
          .integer('both')
          .default(1)
          .$onUpdateFn(() => 8),
        plain: pg.integer('plain').default(2),
      }),
    );
    const all = (action: 'create' | 'update'): unknown[] => model.columns.map((_, place) => model.fill(action, place));
    expect(all('create')).toEqual(['id 1', 7, undefined, undefined]);
    expect(all('update')).toEqual([undefined, 7, 8, undefined]);
    expect(all('create')[0]).toBe('id 2');
  });

  test('a fill that is SQL is refused with the cure: only values can be written', () => {
    const model = drizzle(pg.pgTable('t', { id: pg.integer('id'), at: pg.timestamp('at').$onUpdate(() => core.sql`now()` as never) }));
    const fill = model.fill('update', 1);
    expect(refusal(() => model.toParam(1, fill))).toMatch(/"at" is filled with SQL .* a default or a trigger/);
  });

  test('null and what is not there are written as NULL, and NULL is read as null, whatever the column maps', () => {
    const model = drizzle(
      sqlite.sqliteTable('t', { at: sqlite.integer('at', { mode: 'timestamp' }), json: sqlite.text('json', { mode: 'json' }) }),
    );
    for (const place of [0, 1])
      expect([model.toParam(place, null), model.toParam(place, undefined), model.fromLog(place, null)]).toEqual([null, null, null]);
  });

  test('what is no table is refused, and the refusal says what to pass', () => {
    const table = pg.pgTable('post', { id: pg.integer('id').primaryKey() });
    const view = pg.pgView('seen', { id: pg.integer('id') }).as(core.sql`select 1 as id`);
    const wrong = (value: unknown): string => refusal(() => drizzle(value as DrizzleTable));
    expect(wrong(view)).toContain('bind the tables it reads');
    expect(wrong(pg.alias(table, 'p'))).toContain('pass the table itself');
    for (const value of [undefined, null, 'post', {}, table.id, Object.assign(() => table)])
      expect(wrong(value)).toContain('pass the table that pgTable() or sqliteTable() made');
  });
});

test('a table of another database is refused', () => {
  expect(refusal(() => drizzle(mysql.mysqlTable('t', { id: mysql.int('id') })))).toMatch(/"t" is a MySqlTable; bind tables of/);
});

test('names are cased as Drizzle cases them', () => {
  const names = fc.oneof(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_$']{0,12}$/), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(names, (name) => {
      expect(cased(name, 'snake_case')).toBe(toSnakeCase(name));
      expect(cased(name, 'camelCase')).toBe(toCamelCase(name));
    }),
    { numRuns: 2000 },
  );
});
