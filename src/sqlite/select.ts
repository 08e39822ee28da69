import {
  groupValue,
  RowcastError,
  rowValue,
  UNREADABLE,
  ValueError,
  type Column,
  type Image,
  type LogValue,
  type Selection,
  type Table,
} from '../core/index.ts';
import { paramOf } from './column.ts';
import type { Param } from './connection.ts';
import type { Joined } from './join.ts';
import { ident } from './sql.ts';

/** A selection of a table's rows as SQL. */
export interface Select {
  /** The rows, one column for each of the model's, in the order of the key. */
  readonly rows: string;
  /** How many there are, counted to `COUNTED` and no further. */
  readonly count: string;
  readonly params: readonly Param[];
  /** What SQL cannot say of them; null: it says all. */
  readonly also: ((image: Image) => boolean) | null;
  image(row: readonly LogValue[]): Image;
}

/** Counting more than this would cost more than knowing it is worth. */
export const COUNTED = 100_000;
/** SQLite takes 32,766 parameters. */
const PARAMS = 30_000;

/**
 * @throws {RowcastError} `schema_drift` when a column that it needs is not there as the model declares it; `source_unsupported` for more values
 *   than a query can hold.
 */
export function selectOf(joined: Joined, selection: Selection): Select {
  const { table, catalog, affinities } = joined;
  const on = ident(catalog.name);
  for (const place of [...table.key, ...(selection.by === 'values' ? selection.places : [])]) {
    if (!affinities[place]) throw drifted(table, place);
  }
  const { where, params, also } = whereOf(joined, selection);
  const columns = table.columns.map(({ column }, at) => `${affinities[at] ? `${on}.${ident(column)}` : 'NULL'} AS c${at}`).join(', ');
  const from = `FROM ${on}${where === null ? '' : ` WHERE ${where}`}`;
  // sql: quoted by ident(), numbers of our own, and conditions as the model made them
  const rows = `SELECT ${columns} ${from} ORDER BY ${orderOf(joined)}`;
  const count = `SELECT count(*) FROM (SELECT 1 ${from} LIMIT ${COUNTED + 1})`; // sql: the same
  return {
    rows,
    count,
    params,
    also,
    image: (row) => (affinities.includes(null) ? row.map((value, at) => (affinities[at] ? value : UNREADABLE)) : row),
  };
}

interface Where {
  readonly where: string | null;
  readonly params: readonly Param[];
  readonly also: Select['also'];
}

function whereOf(joined: Joined, selection: Selection): Where {
  switch (selection.by) {
    case 'all':
      return { where: null, params: [], also: null };
    case 'values':
      return byValues(joined, selection);
    case 'condition':
      return {
        where: anyOf(selection.any.map(({ sql }) => `(${sql})`)),
        params: selection.any.flatMap((condition) => condition.params.map(conditionParam)),
        also: null,
      };
  }
}

/**
 * A column whose values code sees as they are stored is compared by SQL: the first comparison finds by index, the second tells apart what the
 * column's own collation does not. One whose values become something else on the way (a boolean, a date) is compared as code sees it: any
 * number of stored values may be the same there.
 */
function byValues({ table, affinities }: Joined, { places, tuples }: Selection & { readonly by: 'values' }): Where {
  const plain = places.flatMap((place, at) => (PLAIN.has((table.columns[place] as Column).shape) ? [at] : []));
  const stored = tuples.flatMap((tuple): (readonly Param[])[] => {
    const values = storedOf(table, affinities, { places, tuple });
    return values ? [plain.map((at) => values[at] as Param)] : [];
  });
  if (stored.length === 0) return { where: 'FALSE', params: [], also: null };
  const wanted = new Set(tuples.map((tuple) => JSON.stringify(tuple.map(groupValue))));
  const found = (image: Image): boolean => wanted.has(JSON.stringify(places.map((place) => groupValue(rowValue(table, image, place)))));
  if (plain.length === 0) return { where: null, params: [], also: found };
  const columns = plain.map((at) => `${ident(table.id)}.${ident((table.columns[places[at] as number] as Column).column)}`);
  // A row of values each: SQLite plans a chain of ORs in the square of its length.
  const values = `(VALUES ${stored.map((tuple) => `(${tuple.map(() => '?').join(', ')})`).join(', ')})`;
  const byIndex = `(${columns.join(', ')}) IN ${values}`; // sql: quoted by ident()
  const exactly = `(${columns.map((column) => `${column} COLLATE BINARY`).join(', ')}) IN ${values}`; // sql: quoted by ident()
  const hasTexts = stored.some((tuple) => tuple.some((value) => typeof value === 'string'));
  const params = hasTexts ? [...stored.flat(), ...stored.flat()] : stored.flat();
  if (params.length > PARAMS) {
    throw new RowcastError(
      'source_unsupported',
      `${tuples.length} groups of "${table.id}" are more than one reading can ask for: put fewer into one view`,
    );
  }
  return { where: hasTexts ? `${byIndex} AND ${exactly}` : byIndex, params, also: plain.length < places.length ? found : null };
}

/** As a balanced tree: SQLite takes no expression that is deeper than 1,000. */
function anyOf(terms: readonly string[]): string {
  const [only = 'FALSE'] = terms;
  if (terms.length < 2) return only;
  const middle = Math.floor(terms.length / 2);
  return `(${anyOf(terms.slice(0, middle))} OR ${anyOf(terms.slice(middle))})`; // sql: terms of our own, and conditions as the model made them
}

const PLAIN: ReadonlySet<Column['shape']> = new Set<Column['shape']>(['string', 'number', 'bigint', 'bytes']);

/** Null: no row has such values. */
function storedOf(
  table: Table,
  affinities: Joined['affinities'],
  { places, tuple }: { readonly places: readonly number[]; readonly tuple: readonly unknown[] },
): readonly Param[] | null {
  if (tuple.some((value) => value === null || value === undefined)) return null;
  try {
    return places.map((place, at) => paramOf(table.model.toParam(place, tuple[at]), affinities[place] ?? 'none'));
  } catch (error) {
    if (error instanceof ValueError) return null;
    throw error;
  }
}

/** As either driver would take it from the app, and what they refuse as SQLite has it. */
function conditionParam(value: unknown): Param {
  return typeof value === 'number' ? value : paramOf(value, 'none');
}

/** By a unique index, so that it is an order, and so that SQLite need not sort. */
function orderOf({ catalog }: Joined): string {
  const { key, uniques } = catalog;
  const index = uniques.find(
    ({ terms, partial }) => partial === null && terms.length === key.length && terms.every(({ column }) => key.includes(column ?? '')),
  );
  return key
    .map((column) => {
      const { collation = 'BINARY' } = index?.terms.find((term) => term.column === column) ?? {};
      return `${ident(catalog.name)}.${ident(column)} COLLATE ${ident(collation)}`;
    })
    .join(', ');
}

function drifted(table: Table, place: number): RowcastError {
  const { column } = table.columns[place] as Column;
  return new RowcastError('schema_drift', `the table "${table.id}" has no column "${column}" as the model declares it; bring both in line`);
}
