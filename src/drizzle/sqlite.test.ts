import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copies, type Copy } from '../../test/drizzle/copies.ts';
import type { LogValue } from '../core/index.ts';
import { drizzle } from './index.ts';

interface Spec {
  readonly column: (copy: Copy) => unknown;
  /** As SQL writes them. */
  readonly values: readonly string[];
}

const NUMERICS = ['12.5', '100', "'0.10'", '-0.001', '1e20', '123456789012345', "'not a number'"];

const SPECS: Readonly<Record<string, Spec>> = {
  id: { column: ({ sqlite }) => sqlite.integer('id').primaryKey({ autoIncrement: true }), values: [] },
  int: { column: ({ sqlite }) => sqlite.integer('int'), values: ['0', '-5', '9007199254740991', '9007199254740993', '1.5'] },
  bool: { column: ({ sqlite }) => sqlite.integer('bool', { mode: 'boolean' }), values: ['0', '1', '2'] },
  seconds: { column: ({ sqlite }) => sqlite.integer('seconds', { mode: 'timestamp' }), values: ['0', '1795437296', '-1'] },
  millis: { column: ({ sqlite }) => sqlite.integer('millis', { mode: 'timestamp_ms' }), values: ['0', '1795437296789', '-1'] },
  text: { column: ({ sqlite }) => sqlite.text('text'), values: ["''", "'é😀'", "'null'"] },
  json: {
    column: ({ sqlite }) => sqlite.text('json', { mode: 'json' }),
    values: ['\'{"a":[1,null]}\'', "'null'", '\'"x"\'', "'12.50'", "'[]'"],
  },
  real: { column: ({ sqlite }) => sqlite.real('real'), values: ['0.1', '1', '9e999', '-0.0', '1e300'] },
  bytes: { column: ({ sqlite }) => sqlite.blob('bytes', { mode: 'buffer' }), values: ["x'00ff10'", "x''"] },
  blobJson: { column: ({ sqlite }) => sqlite.blob('blob_json', { mode: 'json' }), values: ['cast(\'{"é":1}\' as blob)'] },
  blobBigint: {
    column: ({ sqlite }) => sqlite.blob('blob_bigint', { mode: 'bigint' }),
    values: ["cast('123456789012345678901234567890' as blob)", "cast('-1' as blob)"],
  },
  numeric: { column: ({ sqlite }) => sqlite.numeric('numeric'), values: NUMERICS },
  numericNumber: { column: ({ sqlite }) => sqlite.numeric('numeric_number', { mode: 'number' }), values: NUMERICS },
  numericBigint: { column: ({ sqlite }) => sqlite.numeric('numeric_bigint', { mode: 'bigint' }), values: ['9007199254740991', '-1', '0'] },
  custom: {
    column: ({ sqlite }) =>
      sqlite.customType<{ data: string; driverData: number }>({
        dataType: () => 'integer',
        fromDriver: (value) => `${typeof value}:${value}`,
        toDriver: (value) => Number(value.split(':')[1]),
      })('custom'),
    values: ['42', '-1'],
  },
  customBytes: {
    column: ({ sqlite }) => sqlite.customType<{ data: Uint8Array }>({ dataType: () => 'blob' })('custom_bytes'),
    values: ["x'00ff'"],
  },
};

describe.each(copies)('drizzle-orm $version', (copy) => {
  const table = copy.sqlite.sqliteTable(
    'everything',
    Object.fromEntries(Object.entries(SPECS).map(([name, { column }]) => [name, column(copy)])) as never,
  );
  const model = drizzle(table);
  let database: Database.Database;

  /** Storage classes as they are, as a log reads them. */
  const logOf = (): LogValue[][] => database.prepare('select * from everything order by id').safeIntegers().raw().all() as LogValue[][];

  beforeEach(() => {
    database = new Database(':memory:');
    database.exec(
      `create table everything (${model.columns.map(({ column, sqlType, name }) => `"${column}" ${sqlType} ${name === 'id' ? 'primary key' : ''}`).join(', ')})`,
    );
    const rows = Math.max(...Object.values(SPECS).map(({ values }) => values.length));
    for (let row = 0; row < rows; row++) {
      const given = model.columns.flatMap(({ name, column }) =>
        SPECS[name]?.values[row] === undefined ? [] : [[column, SPECS[name].values[row]] as const],
      );
      database.exec(
        `insert into everything (${given.map(([column]) => `"${column}"`).join(', ')}) values (${given.map(([, value]) => value).join(', ')})`,
      );
    }
    database.exec('insert into everything default values');
  });
  afterEach(() => database.close());

  test('a row from the log is the row that select() gives, for every type and value', async () => {
    const log = logOf();
    const selected = await copy.betterSqlite(database).select().from(table);
    expect(selected).toHaveLength(log.length);
    for (const [index, row] of selected.entries()) {
      expect(Object.fromEntries(model.columns.map(({ name }, at) => [name, model.fromLog(at, log[index]?.[at] ?? null)]))).toStrictEqual(
        row,
      );
    }
  });

  test('plain bytes, as node:sqlite gives them, become the same row', () => {
    for (const row of logOf()) {
      for (const [at, value] of row.entries()) {
        if (value instanceof Uint8Array) expect(model.fromLog(at, new Uint8Array(value))).toStrictEqual(model.fromLog(at, value));
      }
    }
  });

  test('a value is written by its parameter as insert() writes it', async () => {
    const handle = copy.betterSqlite(database);
    const stored = database.prepare('select * from everything').safeIntegers().raw();
    for (const row of logOf()) {
      for (const [at, { name, column }] of model.columns.entries()) {
        const value = model.fromLog(at, row[at] ?? null);
        if (name === 'id' || value === null) continue;
        database.exec('delete from everything');
        await handle.insert(table).values({ [name]: value });
        database.prepare(`insert into everything ("${column}") values (?)`).run(model.toParam(at, value));
        const [drizzles, ours] = (stored.all() as LogValue[][]).map((written) => written[at]);
        expect({ name, ours }).toStrictEqual({ name, ours: drizzles });
      }
    }
  });

  test('a numeric column of every digit loses none, past what the driver reads', () => {
    const at = (name: string): number => model.columns.findIndex((column) => column.name === name);
    expect(model.fromLog(at('numericBigint'), 9007199254740993n)).toBe(9007199254740993n);
    expect(model.fromLog(at('numeric'), 9007199254740993n)).toBe('9007199254740993');
  });

  test('a REAL in a numeric column reads as the database casts it, and always as the same number', async () => {
    const at = model.columns.findIndex(({ name }) => name === 'numeric');
    const insert = database.prepare('insert into everything (numeric) values (?)');
    const select = copy.betterSqlite(database).select();
    const check = async (value: number): Promise<boolean> => {
      database.exec('delete from everything');
      insert.run(value);
      const ours = model.fromLog(at, logOf()[0]?.[at] ?? null);
      const [selected] = await select.from(table);
      expect(Number(ours)).toBe(value === 0 ? 0 : value);
      const theirs = String(selected?.['numeric']);
      // Past 15 digits SQLite's last ones are its own, and it goes past them for a few numbers that need fewer.
      const printed =
        theirs
          .replace(/e.*/, '')
          .replace(/\D/g, '')
          .replace(/^0+|0+$/g, '').length <= 15;
      if (printed) expect(ours).toBe(theirs);
      return printed;
    };
    const decimals = fc.tuple(fc.integer(), fc.integer({ min: -12, max: 12 })).map(([digits, power]) => Number(`${digits}e${power}`));
    await fc.assert(fc.asyncProperty(decimals, async (value) => void (await check(value))));
    await fc.assert(fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => void (await check(value))));
    for (const value of [0, 0.5, -12.75, 1e-4, 1e-5, 1.5e-7, 1e17, -2.5e18, 123456789012345, 0.1]) expect(await check(value)).toBe(true);
    for (const value of [-0.00097738516, 0.000977329268]) await check(value);
    expect(await check(1 / 3)).toBe(false);
  });
});
