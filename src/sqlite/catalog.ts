import { RowcastError } from '../core/index.ts';
import type { Connection } from './connection.ts';

/** A table as the database has it. */
export interface CatalogTable {
  readonly name: string;
  readonly columns: readonly CatalogColumn[];
  /** The primary key's columns, in key order; empty for a bare rowid. */
  readonly key: readonly string[];
  /** What makes two rows conflict: the primary key and every unique index. */
  readonly uniques: readonly Unique[];
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly affinity: Affinity;
  readonly notNull: boolean;
  /** The default's SQL; null when there is none. */
  readonly defaultSql: string | null;
  readonly generated: boolean;
}

export interface Unique {
  readonly index: string;
  /** `column` is null for an expression. */
  readonly terms: readonly { readonly column: string | null; readonly collation: string }[];
  /** The CREATE INDEX statement of a partial index, whose WHERE says which rows it holds. */
  readonly partial: string | null;
}

export type Affinity = 'integer' | 'real' | 'numeric' | 'text' | 'none';

/** The affinity of a declared type, by the five rules of https://sqlite.org/datatype3.html#determination_of_column_affinity. */
export function affinityOf(type: string): Affinity {
  const name = type.toUpperCase();
  if (name.includes('INT')) return 'integer';
  if (name.includes('CHAR') || name.includes('CLOB') || name.includes('TEXT')) return 'text';
  if (name.includes('BLOB') || name === '') return 'none';
  if (name.includes('REAL') || name.includes('FLOA') || name.includes('DOUB')) return 'real';
  return 'numeric';
}

/** @returns null when there is no such table. @throws {RowcastError} `source_unsupported` when it is no ordinary table. */
export function readTable(connection: Connection, name: string): CatalogTable | null {
  const found = connection.all(
    "SELECT name, type, strict FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)",
    name,
  )[0];
  if (!found) return null;
  const [actual, type, strict] = found as [string, string, bigint];
  if (type !== 'table')
    throw new RowcastError('source_unsupported', `"${name}" is a ${type}, which cannot be bound: bind the tables behind it`);
  const rows = connection.all('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid', actual);
  const columns = rows.map((row): CatalogColumn => {
    const [column, declared, notNull, defaultSql, , hidden] = row as [string, string, bigint, string | null, bigint, bigint];
    return {
      name: column,
      type: declared,
      affinity: strict === 1n && declared.toUpperCase() === 'ANY' ? 'none' : affinityOf(declared),
      notNull: notNull === 1n,
      defaultSql,
      generated: hidden === 2n || hidden === 3n,
    };
  });
  const key = rows
    .filter((row) => row[4] !== 0n)
    .sort((one, other) => Number(one[4]) - Number(other[4]))
    .map((row) => row[0] as string);
  return { name: actual, columns, key, uniques: uniquesOf(connection, actual, key) };
}

function uniquesOf(connection: Connection, table: string, key: readonly string[]): readonly Unique[] {
  const indexes = connection.all('SELECT name, origin FROM pragma_index_list(?) WHERE "unique" = 1 ORDER BY name', table);
  const uniques = indexes.map((row): Unique => {
    const index = row[0] as string;
    const terms = connection.all('SELECT name, coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', index);
    const partial = connection.all("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ? AND sql IS NOT NULL", index)[0];
    return {
      index,
      terms: terms.map(([column, collation]) => ({ column: column as string | null, collation: collation as string })),
      partial: (partial?.[0] as string | undefined) ?? null,
    };
  });
  // A rowid table's INTEGER PRIMARY KEY is the table itself: no index tells of it.
  if (key.length > 0 && !indexes.some((row) => row[1] === 'pk')) {
    return [{ index: 'the primary key', terms: key.map((column) => ({ column, collation: 'BINARY' })), partial: null }, ...uniques];
  }
  return uniques;
}
