import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareModel, bound, type BareColumns } from '../../../test/postgres/bare-model.ts';
import { RowcastError, UNREADABLE } from '../../core/index.ts';
import { pgliteSessions } from '../../pglite/sessions.ts';
import type { Sessions } from '../connection/sql.ts';
import { columnList, imageOfRow, imageReader, joinTables, type PgTable } from './tables.ts';
import { plainType } from '../values/types.ts';

let db: PGlite;
let sessions: Sessions;

beforeAll(async () => {
  db = await PGlite.create();
  sessions = pgliteSessions(db, undefined);
  await db.exec(`
    CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('a'); CREATE TYPE "Mood" AS ENUM ('b'); CREATE DOMAIN email AS varchar(40);
    CREATE TABLE post (id serial PRIMARY KEY, title varchar(10), blog bigint NOT NULL, price numeric(10,2), at timestamptz(3), tags text[][],
      mood other.mood, moods "Mood"[], mail email, code char(3), span interval day to second(2), UNIQUE (blog, title));
    CREATE TABLE keyless (a integer, b integer NOT NULL UNIQUE, c integer UNIQUE, d integer NOT NULL);
    CREATE UNIQUE INDEX partial ON keyless (d) WHERE d > 0;
    CREATE TABLE "Odd ""Name" ("the ""key" integer PRIMARY KEY, "SELECT" text);
    CREATE TABLE computed (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL, thrice integer GENERATED ALWAYS AS (id * 3) STORED);
    CREATE TABLE other.post (id text PRIMARY KEY);
    CREATE VIEW seen AS SELECT 1 AS id`);
}, 60_000);
afterAll(() => db.close());

async function join(
  name: string,
  columns: BareColumns,
  more: { key?: readonly string[]; schema?: string; listed?: readonly string[] } = {},
): Promise<PgTable> {
  const model = bareModel(name, columns, more);
  const { tables } = await joinTables(sessions, [bound(model, more.listed)]);
  return tables.get(model) as PgTable;
}

async function drift(...args: Parameters<typeof join>): Promise<string> {
  const error = await join(...args).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RowcastError);
  expect((error as RowcastError).code).toBe('schema_drift');
  return (error as RowcastError).message;
}

test('types are compared by what they mean, however code and catalog spell them', async () => {
  const { columns } = await join('post', {
    id: 'serial',
    title: 'varchar(10)',
    blog: 'bigserial',
    price: 'numeric(10, 2)',
    at: 'timestamp (3) with time zone',
    tags: 'text[][]',
    mood: '"other"."mood"',
    moods: 'Mood[]',
    mail: 'varchar(40)',
    code: 'char(3)',
    span: 'interval day to second (2)',
  });
  expect(columns.map(({ kind }) => kind.filter((_, at) => at !== 1).join(' '))).toEqual(
    'int,text,bigint,numeric,timestamptz,array text,enum,array enum,text,text,interval'.split(','),
  );
  expect(columns.map(({ declared }) => declared).slice(0, 3)).toEqual(['integer', 'character varying(10)', 'bigint']);
});

test.each([
  ['int4', 'integer'],
  ['VARCHAR(5)', 'character varying(7)'],
  ['text', 'character varying(255)'],
  ['decimal', 'numeric(12,0)'],
  ['timestamp', 'timestamp(6) without time zone'],
  ['time with time zone', 'timetz'],
  ['double precision', 'float8'],
  ['integer[3]', 'integer[]'],
  ['"my schema"."my type"', 'my type'],
  ['public.mood', 'mood'],
  ['bit varying(5)', 'varbit'],
])('%s is %s', (one, other) => expect(plainType(one)).toBe(plainType(other)));

test.each([
  ['integer', 'bigint'],
  ['text', 'text[]'],
  ['timestamp', 'timestamp with time zone'],
  ['json', 'jsonb'],
  ['real', 'double precision'],
  ['text', 'character(3)'],
])('%s is not %s', (one, other) => expect(plainType(one)).not.toBe(plainType(other)));

test('a listed column that is missing is refused with the statement that adds it', async () => {
  expect(await drift('post', { id: 'integer', subtitle: 'varchar(20)' })).toContain(
    'ALTER TABLE "public"."post" ADD COLUMN "subtitle" varchar(20)',
  );
});

test('an unlisted column that is missing, or of another type, is no reason to refuse, and cannot be read', async () => {
  const table = await join('post', { id: 'integer', subtitle: 'text', title: 'integer' }, { listed: ['id'] });
  expect(table.columns[1]).toMatchObject({ type: null, nullable: true });
  expect(table.columns[1]?.toWire(null)).toBe('null');
  expect(table.columns[2]).toMatchObject({ type: null, kind: ['text', 'string'] });
  await db.exec(`INSERT INTO post (id, title, blog) VALUES (900, 'nine', 1)`);
  const [row = []] = await sessions.query(`SELECT ${columnList(table)} FROM post WHERE id = 900`);
  expect(imageOfRow(table, row)).toEqual(['900', UNREADABLE, UNREADABLE]);
});

test('a listed column of another type is refused with both types and the statement that changes it', async () => {
  const message = await drift('post', { id: 'integer', blog: 'integer' });
  expect(message).toContain('bigint');
  expect(message).toContain('ALTER TABLE "public"."post" ALTER COLUMN "blog" TYPE integer');
});

test('the key counts as listed', async () => {
  expect(await drift('post', { id: 'bigint', title: 'text' }, { listed: ['title'] })).toContain('"id"');
});

test('a table that is not there, and one in another schema, are told apart', async () => {
  expect(await drift('nowhere', { id: 'integer' })).toContain('"nowhere"');
  expect((await join('post', { id: 'text' }, { schema: 'other' })).id).toBe('other.post');
  expect(await drift('post', { id: 'text' }, { schema: 'nowhere' })).toContain('"nowhere.post"');
});

test('a view has no rows in the log', async () => {
  expect(await drift('seen', { id: 'integer' })).toContain('view');
});

test('a key is the primary key, or unique and never null for every row', async () => {
  expect((await join('keyless', { b: 'integer' })).key).toEqual([0]);
  expect(await drift('keyless', { a: 'integer' })).toContain('ALTER TABLE "public"."keyless" ADD PRIMARY KEY ("a")');
  await drift('keyless', { c: 'integer' });
  await drift('keyless', { d: 'integer' });
  await drift('post', { blog: 'bigint', title: 'text' }, { key: ['blog', 'title'] }); // unique, but the title may be null
});

test('a column computed when it is read is refused where it is listed, a stored one is taken and never written', async () => {
  expect(await drift('computed', { id: 'integer', twice: 'integer' })).toContain('STORED');
  const { columns } = await join('computed', { id: 'integer', twice: 'integer', thrice: 'integer' }, { listed: ['thrice'] });
  expect(columns.map(({ generated }) => generated)).toEqual([false, true, true]);
});

test('a column that was given another type since the start cannot be read by a query either', async () => {
  await db.exec('CREATE TABLE doc (id integer PRIMARY KEY, secret boolean NOT NULL); INSERT INTO doc VALUES (1, true)');
  const table = await join('doc', { id: 'integer', secret: 'boolean' }, { listed: ['id'] });
  const read = async (): Promise<unknown> => {
    const [row = []] = await sessions.query(`SELECT ${columnList(table)} FROM doc`);
    return imageOfRow(table, row);
  };
  expect(await read()).toEqual(['1', 't']);
  await db.exec('ALTER TABLE doc ALTER secret TYPE smallint USING secret::int');
  expect(await read()).toEqual(['1', UNREADABLE]);
});

test('a partitioned table needs a primary key: later partitions would have nothing else to be identified by', async () => {
  await db.exec('CREATE TABLE parts (id integer NOT NULL UNIQUE) PARTITION BY RANGE (id)');
  expect(await drift('parts', { id: 'integer' })).toContain('ALTER TABLE "public"."parts" ADD PRIMARY KEY ("id")');
  await db.exec('ALTER TABLE parts ADD PRIMARY KEY (id)');
  expect((await join('parts', { id: 'integer' })).key).toEqual([0]);
});

test('one table under two names is refused', async () => {
  const models = [undefined, 'public'].map((schema) => bareModel('post', { id: 'integer' }, schema === undefined ? {} : { schema }));
  await expect(joinTables(sessions, models.map((model) => bound(model)))).rejects.toMatchObject({ code: 'binding_invalid', message: expect.stringContaining('"public.post"') }); // prettier-ignore
});

test('names of any kind are quoted', async () => {
  const table = await join('Odd "Name', { 'the "key': 'integer', SELECT: 'text' });
  expect(table.sql).toBe('"public"."Odd ""Name"');
});

test('rows are read by name and type: a moved column is found, one of another type is as good as gone', async () => {
  const table = await join('post', { id: 'integer', title: 'text', price: 'numeric' }, { listed: ['title'] });
  const moved = imageReader(table, { attributes: [{ name: 'title', type: 1043 }, { name: 'extra', type: 25 }, { name: 'id', type: 23 }] }); // prettier-ignore
  expect([moved.width, moved.image(['t', 'x', '1']), moved.drifted]).toEqual([3, ['1', 't', UNREADABLE], []]);
  const retyped = imageReader(table, { attributes: [{ name: 'id', type: 23 }, { name: 'title', type: 23 }] }); // prettier-ignore
  expect([retyped.image(['1', '"],']), retyped.drifted.map(({ name }) => name)]).toEqual([['1', UNREADABLE, UNREADABLE], ['title']]);
});
