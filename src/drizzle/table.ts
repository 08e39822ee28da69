import { RowcastError } from '../core/index.ts';

/**
 * What a table's type says: what `select()` gives and `insert()` takes. Structural, so that the app's own copy of drizzle-orm is the one
 * that counts, whichever version it is.
 */
export interface DrizzleTable {
  readonly $inferSelect: object;
  readonly $inferInsert: object;
}

/** A column object of drizzle-orm, as far as 0.45 and 1.0 agree; what only one of them has is optional. */
export interface DrizzleColumn {
  readonly name: string;
  /** The column was declared without a name of its own: the property's name stands in for it. */
  readonly keyAsName: boolean;
  readonly primary: boolean;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  readonly default: unknown;
  readonly dataType: string;
  readonly columnType: string;
  readonly defaultFn?: () => unknown;
  readonly onUpdateFn?: () => unknown;
  readonly generated?: { readonly type?: 'always' | 'byDefault' };
  readonly generatedIdentity?: { readonly type: 'always' | 'byDefault' };
  readonly config: { readonly customTypeParams?: { readonly fromDriver?: unknown } };
  /** 0.45: the column of an array's elements; an array of arrays has an array here. */
  readonly baseColumn?: DrizzleColumn;
  /** 1.0: how its drivers read the column. Present on every column of 1.0, if only as `undefined`. */
  readonly codec?: string;
  /** 1.0: an array's dimensions, 0 for none. (0.45 has a property of this name on vectors: their length.) */
  readonly dimensions?: number;
  getSQLType(): string;
  mapFromDriverValue(value: unknown): unknown;
  mapToDriverValue(value: unknown): unknown;
}

export interface TableParts {
  readonly dialect: 'postgres' | 'sqlite';
  readonly name: string;
  readonly schema: string | undefined;
  readonly columns: readonly (readonly [property: string, column: DrizzleColumn])[];
  /** Properties, in key order. */
  readonly key: readonly string[];
}

/**
 * Reads a table's declaration from the table itself: both versions keep it under the same registered symbols, and importing drizzle-orm to
 * ask it would ask one copy about the tables of another. The one place that knows these symbols.
 *
 * @throws {RowcastError} `binding_invalid` when the value is not a Postgres or SQLite table.
 */
export function partsOf(table: unknown): TableParts {
  const parts = asTable(table);
  const columns = Object.entries(parts[COLUMNS]);
  return {
    dialect: dialectOf(parts),
    name: parts[NAME],
    schema: parts[SCHEMA],
    columns,
    key: keyOf(parts, columns),
  };
}

const NAME = Symbol.for('drizzle:Name');
const SCHEMA = Symbol.for('drizzle:Schema');
const COLUMNS = Symbol.for('drizzle:Columns');
const EXTRA_COLUMNS = Symbol.for('drizzle:ExtraConfigColumns');
const EXTRA_BUILDER = Symbol.for('drizzle:ExtraConfigBuilder');
const IS_TABLE = Symbol.for('drizzle:IsDrizzleTable');
const IS_VIEW = Symbol.for('drizzle:IsDrizzleView');
const IS_ALIAS = Symbol.for('drizzle:IsAlias');
const KIND = Symbol.for('drizzle:entityKind');

interface TableInside {
  readonly [NAME]: string;
  readonly [SCHEMA]: string | undefined;
  readonly [COLUMNS]: Readonly<Record<string, DrizzleColumn>>;
  readonly [EXTRA_COLUMNS]?: Readonly<Record<string, DrizzleColumn>>;
  readonly [EXTRA_BUILDER]?: (columns: unknown) => Readonly<Record<string, unknown>> | readonly unknown[];
  readonly [IS_ALIAS]?: boolean;
}

function asTable(value: unknown): TableInside {
  if (typeof value !== 'object' || value === null)
    throw refused('it was given something else; pass the table that pgTable() or sqliteTable() made');
  if (IS_VIEW in value) throw refused('it was given a view, which has no rows of its own in the log; bind the tables it reads');
  if (!(IS_TABLE in value && NAME in value && COLUMNS in value)) {
    throw refused('it was given something else; pass the table that pgTable() or sqliteTable() made');
  }
  const table = value as unknown as TableInside;
  if (table[IS_ALIAS]) throw refused(`it was given the alias "${table[NAME]}"; pass the table itself`);
  return table;
}

function dialectOf(table: TableInside): 'postgres' | 'sqlite' {
  const kinds = kindsOf(table);
  if (kinds.includes('PgTable')) return 'postgres';
  if (kinds.includes('SQLiteTable')) return 'sqlite';
  throw refused(
    `"${table[NAME]}" is a ${kinds[0] ?? 'table of an unknown kind'}; bind tables of drizzle-orm/pg-core or drizzle-orm/sqlite-core`,
  );
}

function keyOf(table: TableInside, columns: TableParts['columns']): readonly string[] {
  const extra = table[EXTRA_BUILDER]?.(table[EXTRA_COLUMNS] ?? table[COLUMNS]) ?? [];
  const composite = Object.values(extra)
    .flat(1)
    .find((builder) => kindsOf(builder).some((kind) => kind.endsWith('PrimaryKeyBuilder'))) as PrimaryKeyBuilder | undefined;
  if (!composite) return columns.filter(([, column]) => column.primary).map(([property]) => property);
  // The extra config is given columns of its own kind in pg-core: they are the table's by name only.
  return composite.columns.flatMap(({ name }) => columns.filter(([, column]) => column.name === name).map(([property]) => property));
}

interface PrimaryKeyBuilder {
  readonly columns: readonly { readonly name: string }[];
}

/** The names drizzle-orm gives a value's classes, from the most special on: its own way to know its things across copies. */
export function kindsOf(value: unknown): readonly string[] {
  const kinds: string[] = [];
  let maker: unknown = typeof value === 'object' && value !== null ? value.constructor : undefined;
  while (typeof maker === 'function' && KIND in maker) {
    kinds.push(String(maker[KIND]));
    maker = Object.getPrototypeOf(maker);
  }
  return kinds;
}

function refused(why: string): RowcastError {
  return new RowcastError('binding_invalid', `drizzle(table): ${why}`);
}
