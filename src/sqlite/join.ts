import { RowcastError, type Bound, type Column, type Model, type Table } from '../core/index.ts';
import { affinityOf, readTable, type Affinity, type CatalogColumn, type CatalogTable } from './catalog.ts';
import { tableColumn } from './column.ts';
import type { Connection } from './connection.ts';
import { ident } from './sql.ts';

/** A bound table with what the catalog says of it. */
export interface Joined {
  readonly table: Table;
  readonly catalog: CatalogTable;
  /** By place, what the column makes of values; null where the database has no such column, or one of another type: nobody can read it. */
  readonly affinities: readonly (Affinity | null)[];
  /** Places that a binding lists. */
  readonly listed: ReadonlySet<number>;
}

/**
 * Joins a model to the catalog.
 * @throws {RowcastError} `schema_drift` when a listed or key column is missing or of another type; `source_unsupported` when the table
 *   cannot be followed.
 */
export function join(connection: Connection, { model, listed }: Bound): Joined {
  const { schema, name } = model.table;
  if (model.dialect !== 'sqlite') {
    throw new RowcastError(
      'binding_invalid',
      `the model of "${name}" is made for ${model.dialect}; sqlite(…) needs one made by sqliteTable(…)`,
    );
  }
  if (schema !== undefined && schema !== 'main') {
    throw new RowcastError(
      'source_unsupported',
      `"${schema}.${name}" is in an attached database, which cannot be bound: open that file with its own sqlite(…)`,
    );
  }
  const catalog = readTable(connection, name);
  if (!catalog) {
    throw new RowcastError(
      'schema_drift',
      `the database has no table ${ident(name)}, which the code binds: run your migrations, or correct the name`,
    );
  }
  if (catalog.key.length === 0) {
    const cure = 'give it one, such as `id INTEGER PRIMARY KEY`: SQLite renumbers bare rowids when it vacuums';
    throw new RowcastError('source_unsupported', `the table ${ident(name)} has no primary key; ${cure}`);
  }
  const inCatalog = model.columns.map(({ column }) => catalog.columns.find((each) => each.name.toLowerCase() === column.toLowerCase()));
  const columns = model.columns.map((column, place) => {
    const found = inCatalog[place];
    const needed = listed.has(column.name) || model.key.includes(column.name);
    if (needed && !found) throw missing(model, column);
    if (needed && found && !alike(column.sqlType, found.affinity)) throw retyped(model, column, found.type);
    return tableColumn(model, place, found);
  });
  const key = model.key.map((property) => columns.findIndex((column) => column.name === property));
  const named = key.map((place) => columns[place]?.column.toLowerCase());
  if (named.length !== catalog.key.length || catalog.key.some((column) => !named.includes(column.toLowerCase()))) {
    const says = `the code says (${named.join(', ')}), the database (${catalog.key.join(', ')})`;
    throw new RowcastError('schema_drift', `the primary key of ${ident(name)} differs: ${says}; make the model say what the database has`);
  }
  const nullable = nullableKey(catalog);
  if (nullable) throw manyNulls(name, nullable);
  return {
    table: { model, id: catalog.name, columns, key },
    catalog,
    affinities: inCatalog.map((found, place) => affinityAs(model.columns[place] as Column, found)),
    listed: new Set(model.columns.flatMap((column, place) => (listed.has(column.name) ? [place] : []))),
  };
}

/** What the column makes of values, where it is as the code declares it. */
function affinityAs({ sqlType }: Column, found: CatalogColumn | undefined): Affinity | null {
  return found && alike(sqlType, found.affinity) ? found.affinity : null;
}

/** SQLite lets NULL stand in a primary key, in any number of rows: all but in a rowid's alias, and where the table forbids it. */
function nullableKey({ columns, key }: CatalogTable): CatalogColumn | undefined {
  const parts = columns.filter(({ name }) => key.includes(name));
  if (parts.length === 1 && parts[0]?.type.toUpperCase() === 'INTEGER') return undefined;
  return parts.find(({ notNull }) => !notNull);
}

function manyNulls(table: string, { name, type }: CatalogColumn): RowcastError {
  const cure = `rebuild the table with ${ident(name)} ${type} NOT NULL`;
  return new RowcastError(
    'source_unsupported',
    `the key column ${ident(name)} of ${ident(table)} may be NULL, and SQLite lets many rows share such a key: ${cure}`,
  );
}

/** NUMERIC and INTEGER keep the same values; a column without affinity keeps everything as it came. */
function alike(sqlType: string, affinity: Affinity): boolean {
  const declared = affinityOf(sqlType);
  const whole = (each: Affinity): boolean => each === 'integer' || each === 'numeric';
  return declared === affinity || affinity === 'none' || (whole(declared) && whole(affinity));
}

function missing({ table }: Model, { name, column, sqlType }: Column): RowcastError {
  const fix = `ALTER TABLE ${ident(table.name)} ADD COLUMN ${ident(column)} ${sqlType}`;
  return new RowcastError(
    'schema_drift',
    `${ident(table.name)} has no column ${ident(column)}, which the binding lists as "${name}": \`${fix}\`, or do not list it`,
  );
}

function retyped({ table }: Model, { name, column, sqlType }: Column, actual: string): RowcastError {
  const says = `the code says ${sqlType}, the database ${actual || 'no type'}`;
  return new RowcastError(
    'schema_drift',
    `the column ${ident(column)} of ${ident(table.name)} ("${name}") is of another type: ${says}; change the model, or rebuild the table with ${ident(column)} ${sqlType}`,
  );
}
