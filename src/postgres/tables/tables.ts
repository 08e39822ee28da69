import {
  RowcastError,
  UNREADABLE,
  type Bound,
  type Column,
  type FieldKind,
  type Image,
  type LogValue,
  type Model,
  type Table,
  type TableColumn,
} from '../../core/index.ts';
import { readCatalog, type Catalog, type CatalogAttribute, type Relation, type Shape } from './catalog.ts';
import { codecOf, type ArrayCodec, type Codec } from '../values/codec.ts';
import { identifier, type RawRow, type Sql } from '../connection/sql.ts';
import { plainType, type PgType } from '../values/types.ts';

export interface PgColumn extends TableColumn {
  /** The type's number; null where the log has no such column as the model declares it. Then nobody can read it. */
  readonly type: number | null;
  /** As the catalog says it, modifiers included: what a value is cast to. */
  readonly declared: string;
  /** Some binding needs it: without it, or with another type, nothing can be said about a row. */
  readonly listed: boolean;
}

export interface PgTable extends Table {
  readonly columns: readonly PgColumn[];
  readonly relation: Relation;
  /** The table as SQL. */
  readonly sql: string;
}

export interface Joined {
  readonly tables: ReadonlyMap<Model, PgTable>;
  readonly catalog: Catalog;
}

/**
 * Joins models to the database's own catalog, which decides.
 *
 * @throws {RowcastError} `schema_drift` naming a listed column that is missing or of another type, and the fix. A column that no binding
 * lists is nothing, until code asks for it. `binding_invalid` when two models mean one table by different names.
 */
export async function joinTables(sql: Sql, bound: readonly Bound[]): Promise<Joined> {
  const catalog = await readCatalog(
    sql,
    bound.map(({ model }) => model),
  );
  const tables = new Map(bound.map((each, at) => [each.model, joinTable(each, catalog.relations[at] ?? null, catalog.types)]));
  refuseTwoNames([...tables.values()]);
  return { tables, catalog };
}

function refuseTwoNames(tables: readonly PgTable[]): void {
  const names = new Map<number, string>();
  for (const { model, relation, id } of tables) {
    const name = nameOf(model);
    const other = names.get(relation.oid);
    if (other !== undefined && other !== name) {
      throw new RowcastError(
        'binding_invalid',
        `the models of "${other}" and "${name}" are one table in the database, ${id}; give all of its bindings the same model`,
      );
    }
    names.set(relation.oid, name);
  }
}

function nameOf({ table }: Model): string {
  return table.schema === undefined ? table.name : `${table.schema}.${table.name}`;
}

function joinTable({ model, listed }: Bound, relation: Relation | null, types: Catalog['types']): PgTable {
  const name = nameOf(model);
  const drift = (why: string): never => {
    throw new RowcastError('schema_drift', `the table "${name}" ${why}`);
  };
  if (!relation) return drift('is not in the database; create it (run your migrations), or take its binding out');
  if (relation.kind !== 'r' && relation.kind !== 'p')
    drift('is a view or a foreign table, which has no rows of its own in the log; bind the table behind it');
  const sql = identifier(relation.schema, relation.name);
  const attributes = new Map(relation.attributes.map((attribute) => [attribute.name, attribute]));
  const columns = model.columns.map((column): PgColumn => {
    const attribute = attributes.get(column.column);
    const isListed = listed.has(column.name) || model.key.includes(column.name);
    if (!attribute) {
      if (isListed) drift(`has no column "${column.column}", which a binding needs; ${addColumn(sql, column)}`);
      return { ...column, kind: ['other', column.shape], nullable: true, type: null, declared: 'text', listed: isListed, ...NOTHING };
    }
    const type = types.get(attribute.type);
    if (!type) return drift(`has a column "${column.column}" of no known type`);
    const why = driftOf(column, { attribute, type, sql });
    if (isListed && why !== null) drift(why);
    const codec = codecOf(type, attribute.modifier);
    return {
      ...column,
      kind: kindOf(codec, column),
      notNull: attribute.notNull,
      hasDefault: column.hasDefault || attribute.hasDefault || attribute.identity !== '',
      generated: attribute.generated !== '' || attribute.identity === 'a',
      nullable: !attribute.notNull,
      type: why === null ? attribute.type : null,
      declared: attribute.declared,
      listed: isListed,
      toWire: (value) => (value === null ? 'null' : codec.toWire(value as string)),
      fromWire: (value) => (value === null ? null : codec.fromWire(value)),
    };
  });
  const key = model.key.map((property) => columns.findIndex((column) => column.name === property));
  const keyColumns = key.map((place) => (columns[place] as PgColumn).column);
  if (!isKey(relation, keyColumns)) {
    drift(
      `has no primary key on ${keyColumns.map((column) => `"${column}"`).join(', ')}, as the code says; run: ` +
        `ALTER TABLE ${sql} ADD PRIMARY KEY (${keyColumns.map((column) => identifier(column)).join(', ')})`,
    );
  }
  return { model, id: `${relation.schema}.${relation.name}`, columns, key, relation, sql };
}

const NOTHING = { toWire: (): string => 'null', fromWire: (): LogValue => null };

interface Found {
  readonly attribute: CatalogAttribute;
  readonly type: PgType;
  readonly sql: string;
}

/** Why the log's values of a column cannot be read by the model's rule; null when they can. */
function driftOf(column: Column, { attribute, type, sql }: Found): string | null {
  if (attribute.generated === 'v') {
    return `computes "${column.column}" when it is read, so the log does not have it; make the column STORED, or leave it out of the binding`;
  }
  const wanted = plainType(column.sqlType);
  const names = [plainType(attribute.declared)];
  for (let base = type.base; base; base = base.base) names.push(plainType(base.name));
  if (names.includes(wanted)) return null;
  return (
    `has "${column.column}" as ${attribute.declared}, and the code says ${column.sqlType}; make the code say ${attribute.declared}, or run: ` +
    `ALTER TABLE ${sql} ALTER COLUMN ${identifier(column.column)} TYPE ${column.sqlType}`
  );
}

function addColumn(sql: string, { column, name, sqlType }: Column): string {
  return `run: ALTER TABLE ${sql} ADD COLUMN ${identifier(column)} ${sqlType}, or leave "${name}" out of the binding`;
}

function kindOf(codec: Codec | ArrayCodec, { shape }: Column): FieldKind {
  return 'element' in codec ? [codec.kind, shape, codec.element] : [codec.kind, shape];
}

function isKey(relation: Relation, columns: readonly string[]): boolean {
  const same = (other: readonly string[]): boolean => other.length === columns.length && columns.every((column) => other.includes(column));
  if (same(relation.primaryKey)) return true;
  // A partition that comes later has no replica identity but the primary key: without one, Postgres would refuse the app's updates of it.
  return relation.kind !== 'p' && relation.constraints.some(({ identifies, columns: other }) => identifies && same(other));
}

/** How the values of one shape of a table, in the order of its attributes, become images. */
export interface ImageReader {
  /** How many values a row of this shape has. */
  readonly width: number;
  /** Listed columns that this shape lacks or has in another type: nothing can be said about its rows. */
  readonly drifted: readonly PgColumn[];
  image(values: RawRow): Image;
}

/**
 * Made for each shape the log shows, not for each row. A column of another type than at the start is as good as missing: its text would be
 * read by the wrong rule.
 */
export function imageReader({ columns }: PgTable, { attributes }: Pick<Shape, 'attributes'>): ImageReader {
  const froms = columns.map(({ column, type }) => attributes.findIndex((each) => each.name === column && each.type === type));
  return {
    width: attributes.length,
    drifted: columns.filter(({ listed }, place) => listed && froms[place] === -1),
    image: (values) => froms.map((from) => (from === -1 ? UNREADABLE : (values[from] ?? null))),
  };
}

/** The table's columns as a query's list, and what types they have by then: {@link imageOfRow} makes an image of such a row. */
export function columnList({ columns }: PgTable): string {
  const names = columns.map(({ column, type }) => (type === null ? 'NULL' : identifier(column)));
  const types = columns.flatMap(({ column, type }) => (type === null ? [] : [`pg_typeof(${identifier(column)})::oid`]));
  return `${names.join(', ')}, concat_ws(',', ${types.join(', ')})`;
}

/** A row of {@link columnList}. A column that was given another type since the start is as good as missing. */
export function imageOfRow({ columns }: PgTable, row: RawRow): Image {
  const types = (row[columns.length] ?? '').split(',').values();
  return columns.map(({ type }, place) => (type === null || Number(types.next().value) !== type ? UNREADABLE : (row[place] ?? null)));
}
