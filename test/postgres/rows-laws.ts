import { expect } from 'vitest';
import { UNREADABLE, type Bound, type Image, type OpenDatabase, type RowPage, type Selection, type Table } from '../../src/core/index.ts';
import type { Connection } from '../../src/testing/index.ts';
import { bareModel, bound } from './bare-model.ts';
import { VALUES } from './values.ts';

/** An empty database with the types of `values.ts`, and the images that its log has told so far of inserts, by table. */
export interface RowsSite {
  readonly app: Connection;
  open(bounds: readonly Bound[]): Promise<OpenDatabase>;
  /** Of everything that was committed since it was opened. */
  logged(open: OpenDatabase): Promise<ReadonlyMap<Table, readonly Image[]>>;
}

export const ITEM = bareModel('item', { id: 'integer', text: 'text' });
const PAIR = bareModel('couple', { one: 'text', two: 'bigint', at: 'timestamp with time zone' }, { key: ['one', 'two'] });

export const live = (): AbortSignal => new AbortController().signal;
export const tableOf = (open: OpenDatabase, model: Bound['model']): Table => open.tables.get(model) as Table;

export async function pagesOf(open: OpenDatabase, model: Bound['model'], selection: Selection, page?: number): Promise<readonly RowPage[]> {
  const { pages } = await open.rows.read(tableOf(open, model), selection, { signal: live(), ...(page === undefined ? {} : { page }) });
  return Array.fromAsync(pages);
}

export async function allOf(open: OpenDatabase, model: Bound['model'], selection: Selection = { by: 'all' }): Promise<readonly Image[]> {
  return (await pagesOf(open, model, selection)).flatMap(({ rows }) => rows);
}

const firsts = (images: readonly Image[]): readonly number[] => images.map(([id]) => Number(id));

/** What holds of rows that are read, wherever Postgres runs. */
export const ROWS_LAWS: Readonly<Record<string, (site: RowsSite) => Promise<void>>> = {
  async 'a row that is read is the row that was logged, for every type and value'(site) {
    const models = VALUES.map(({ type }, at) => bareModel(`value_${at}`, { id: 'integer', value: type }));
    for (const [at, { type }] of VALUES.entries()) await site.app.run(`CREATE TABLE value_${at} (id integer PRIMARY KEY, value ${type})`); // sql: constants
    const open = await site.open(models.map((model) => bound(model)));
    for (const [at, { literal }] of VALUES.entries()) await site.app.run(`INSERT INTO value_${at} VALUES (1, ${literal})`); // sql: constants
    const logged = await site.logged(open);
    for (const [at, model] of models.entries()) {
      expect([VALUES[at], await allOf(open, model)]).toEqual([VALUES[at], logged.get(tableOf(open, model))]);
    }
  },

  async 'pages have every row once, in the order of the key, and say how many there are'({ app, open }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO item SELECT i, repeat('x', i % 50) FROM generate_series(1, 2500) i ORDER BY random()`);
    const database = await open([bound(ITEM)]);
    const pages = await pagesOf(database, ITEM, { by: 'all' });
    expect(firsts(pages.flatMap(({ rows }) => rows))).toEqual(Array.from({ length: 2_500 }, (_, at) => at + 1));
    expect(pages.map(({ total }) => total)).toEqual(pages.map((_, at) => (at === 0 || at === pages.length - 1 ? 2_500 : null)));
    expect(pages.length).toBeGreaterThan(2);
    expect(Math.max(...pages.map(({ rows }) => rows.length))).toBeLessThanOrEqual(1_000);
    // A page that is full and the last one, one row less, one more, and none.
    for (const count of [9, 10, 11, 20, 0]) {
      await app.run(`DELETE FROM item WHERE id > ${count}`); // sql: a number
      await app.run(`INSERT INTO item SELECT i, 'x' FROM generate_series(1, ${count}) i ON CONFLICT DO NOTHING`); // sql: a number
      const some = await pagesOf(database, ITEM, { by: 'all' }, 10);
      expect(some.map(({ rows, total }) => [rows.length, total])).toEqual(
        { 0: [], 9: [[9, 9]], 10: [[10, 10]], 11: [[10, 11], [1, 11]], 20: [[10, 20], [10, 20]] }[count], // prettier-ignore
      );
    }
  },

  async 'a key of several columns, texts among them, is paged in its own order'({ app, open }) {
    await app.run('CREATE TABLE couple (one text, two bigint, at timestamptz, PRIMARY KEY (one, two))');
    await app.run(
      `INSERT INTO couple SELECT x, i, now() FROM unnest(ARRAY['a', 'B', 'ä', '', 'a''b', 'a"b', '\\', 'a b', '😀', 'zz']) x, generate_series(-3, 30) i`,
    );
    const database = await open([bound(PAIR)]);
    const expected = await app.all('SELECT one, two::text AS two FROM couple ORDER BY one, couple.two');
    const rows = (await pagesOf(database, PAIR, { by: 'all' }, 7)).flatMap(({ rows: some }) => some);
    expect(rows.map(([one, two]) => ({ one, two }))).toEqual(expected);
  },

  async 'values find the rows that have them, one tuple or another, and NULL finds none'({ app, open }) {
    await app.run('CREATE TABLE couple (one text, two bigint, at timestamptz, PRIMARY KEY (one, two))');
    await app.run(
      `INSERT INTO couple VALUES ('a', 1, '2026-01-01Z'), ('a', 2, NULL), ('b', 1, '2026-01-02Z'), ('{"x",NULL}', 3, NULL), ('NULL', 4, NULL)`,
    );
    const database = await open([bound(PAIR)]);
    const found = async (places: readonly number[], ...tuples: readonly (readonly unknown[])[]): Promise<readonly unknown[]> =>
      (await allOf(database, PAIR, { by: 'values', places, tuples })).map(([one, two]) => `${String(one)} ${String(two)}`);
    expect(await found([0], ['a'])).toEqual(['a 1', 'a 2']);
    expect((await found([0], ['{"x",NULL}'], ['NULL'], [null])).toSorted()).toEqual(['NULL 4', '{"x",NULL} 3']);
    expect(await found([0, 1], ['a', 2], ['b', 1n], ['b', null])).toEqual(['a 2', 'b 1']);
    expect(await found([2], [new Date('2026-01-02T00:00:00Z')], [null])).toEqual(['b 1']);
    expect(await found([2], [null])).toEqual([]);
    expect(await found([0, 1])).toEqual([]);
    expect(await found([0])).toEqual([]);
  },

  async 'conditions find the rows that meet one of them, whatever stands in them beside parameters'({ app, open }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, "a$1" integer)');
    await app.run(`INSERT INTO item VALUES (1, '$1', 7), (2, 'it''s $1', 8), (3, 'c', 9), (4, '\\', 10), (5, 'e', 11)`);
    const database = await open([bound(ITEM)]);
    const any = [
      { sql: `"item"."id" = $1`, params: [5] },
      { sql: `"a$1" = $1 /* $1 */ and text <> E'\\'$1' and "public"."item"."id" <> $2`, params: [7, 99] },
      { sql: `text = 'it''s $1' and $1::text is not null`, params: ['x'] },
      { sql: `text = $x$\\$x$ -- $1\n and $1`, params: [true] },
    ];
    expect(firsts(await allOf(database, ITEM, { by: 'condition', any }))).toEqual([1, 2, 4, 5]);
    expect(firsts((await pagesOf(database, ITEM, { by: 'condition', any }, 1)).flatMap(({ rows }) => rows))).toEqual([1, 2, 4, 5]);
    expect(await allOf(database, ITEM, { by: 'condition', any: [] })).toEqual([]);
  },

  async 'a column that nobody lists may go, and is not NULL then; one that is listed may not'({ app, open }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text, note integer)');
    await app.run(`INSERT INTO item VALUES (1, 'a', 2)`);
    const model = bareModel('item', { id: 'integer', text: 'text', note: 'integer' });
    const database = await open([bound(model, ['text'])]);
    expect(await allOf(database, model)).toEqual([['1', 'a', '2']]);
    await app.run('ALTER TABLE item ALTER note TYPE bigint');
    expect(await allOf(database, model)).toEqual([['1', 'a', UNREADABLE]]);
    await app.run('ALTER TABLE item DROP COLUMN note');
    expect(await allOf(database, model)).toEqual([['1', 'a', UNREADABLE]]);
    await app.run('ALTER TABLE item RENAME COLUMN text TO title');
    await expect(allOf(database, model)).rejects.toMatchObject({ code: 'schema_drift', message: expect.stringContaining('"text"') });
  },

  async 'whoever has gone gets nothing: some rows are never taken for all of them'({ app, open }) {
    await app.run('CREATE TABLE item (id integer PRIMARY KEY, text text)');
    await app.run(`INSERT INTO item SELECT i, 'x' FROM generate_series(1, 30) i`);
    const database = await open([bound(ITEM)]);
    const table = tableOf(database, ITEM);
    await expect(database.rows.read(table, { by: 'all' }, { signal: AbortSignal.abort() })).rejects.toThrow();
    const ended = new AbortController();
    const { pages } = await database.rows.read(table, { by: 'all' }, { page: 10, signal: ended.signal });
    let count = 0;
    const reading = (async () => {
      for await (const { rows } of pages) {
        count += rows.length;
        ended.abort();
      }
    })();
    await expect(reading).rejects.toThrow();
    expect(count).toBe(10);
  },
};
