import { RowcastError, ValueError, type Column, type LogValue, type Model } from '../core/index.ts';
import { conditionOf } from './condition.ts';
import { cased, type Casing } from './names.ts';
import { postgresValues, type ValueMap } from './postgres.ts';
import { shapeOf } from './shape.ts';
import { sqliteValues } from './sqlite.ts';
import { kindsOf, partsOf, type DrizzleColumn, type DrizzleTable } from './table.ts';

export interface DrizzleOptions {
  /** The model's name on the wire of Django Channels: `auth.user`. Default: the schema (`public` or `main` where none is named), a dot, the table. */
  readonly name?: string;
  /** What the app gives to Drizzle's own `casing`: how columns declared without a name are named in the database. Default: as in code. */
  readonly casing?: Casing;
}

/**
 * A Drizzle table as a model: its schema and how its values map, no driver and no connection. Rows are what `db.select()` gives, over
 * node-postgres or better-sqlite3, in a session with `TimeZone=UTC` and otherwise default output settings. Works with drizzle-orm from 0.45
 * on and 1.0, whichever copy of it the app has.
 *
 * @example
 * ```ts
 * export const posts = binding(drizzle(post), { fields: ['title'], groupNames: () => ['posts'] })
 * ```
 * @throws {RowcastError} `binding_invalid` when `table` is no table of `drizzle-orm/pg-core` or `drizzle-orm/sqlite-core`.
 */
export function drizzle<T extends DrizzleTable>(
  table: T,
  options: DrizzleOptions = {},
): Model<T['$inferSelect'], T['$inferInsert'], KeyOf<T>> {
  const { dialect, name, schema, columns, key } = partsOf(table);
  const members = columns.map(([property, column]) => member(property, column, dialect, options));
  const at = (place: number): Member => {
    const found = members[place];
    if (!found) throw new RangeError(`"${name}" has no column ${place}`);
    return found;
  };
  return {
    dialect,
    name: options.name ?? `${schema ?? (dialect === 'postgres' ? 'public' : 'main')}.${name}`,
    table: { schema, name },
    columns: members.map(({ column }) => column),
    key,
    fromLog: (place, value) => (value === null ? null : at(place).fromLog(value)),
    toParam: (place, value) => at(place).toParam(value),
    fill: (action, place) => at(place).fill(action),
    condition: (where) => conditionOf(where, { table: name, dialect, casing: options.casing }),
  };
}

/** Columns declared as `.primaryKey()`. What `primaryKey({ columns })` says of the table is not in its type. */
type KeyOf<T> = T extends { readonly _: { readonly columns: infer C } }
  ? { [K in keyof C]: C[K] extends { readonly _: { readonly isPrimaryKey: true } } ? K : never }[keyof C] & string
  : never;

interface Member {
  readonly column: Column;
  fromLog(value: LogValue): unknown;
  toParam(value: unknown): unknown;
  fill(action: 'create' | 'update'): unknown;
}

function member(property: string, declared: DrizzleColumn, dialect: Model['dialect'], { casing }: DrizzleOptions): Member {
  const generated = isGenerated(declared);
  const column: Column = {
    name: property,
    column: casing && declared.keyAsName ? cased(declared.name, casing) : declared.name,
    sqlType: sqlTypeOf(declared),
    shape: shapeOf(declared),
    notNull: declared.notNull,
    hasDefault: declared.hasDefault || generated,
    generated,
  };
  const values = dialect === 'postgres' ? postgresValues(declared) : sqliteValues(declared);
  return {
    column,
    fromLog: (value) => mapped(property, () => values.fromLog(value)),
    toParam: (value) => paramOf(property, values, value),
    fill: (action) => fillOf(declared, action),
  };
}

/** 1.0 gives an array column its element's type. */
function sqlTypeOf(column: DrizzleColumn): string {
  const type = column.getSQLType();
  return 'codec' in column && column.dimensions ? type + '[]'.repeat(column.dimensions) : type;
}

function isGenerated({ generated, generatedIdentity }: DrizzleColumn): boolean {
  return [generated, generatedIdentity].some((how) => how !== undefined && how.type !== 'byDefault');
}

function paramOf(property: string, values: ValueMap, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  refuseSql(property, value);
  const param = mapped(property, () => values.toParam(value));
  refuseSql(property, param);
  return param;
}

function mapped(property: string, map: () => unknown): unknown {
  try {
    return map();
  } catch (cause) {
    throw new ValueError(`a value that "${property}" can hold`, { cause });
  }
}

function refuseSql(property: string, value: unknown): void {
  if (!kindsOf(value).includes('SQL')) return;
  throw new RowcastError(
    'binding_invalid',
    `"${property}" is filled with SQL (by $defaultFn, $onUpdate, stamp or toDriver), and only values can be written; ` +
      'let the database do it with a default or a trigger, return a value, or write the row in the `create` and `update` hooks',
  );
}

/** As drizzle-orm does it: a column without a default is filled on insert by what fills it on update. */
function fillOf(column: DrizzleColumn, action: 'create' | 'update'): unknown {
  if (action === 'update') return column.onUpdateFn?.();
  if (column.defaultFn) return column.defaultFn();
  return column.default ? undefined : column.onUpdateFn?.();
}
