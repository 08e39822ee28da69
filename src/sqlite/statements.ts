import {
  keyText,
  Refusal,
  RowcastError,
  UNREADABLE,
  type Image,
  type Json,
  type LogValue,
  type Refused,
  type RowStep,
  type Table,
} from '../core/index.ts';
import { paramOf } from './column.ts';
import type { Connection, Param } from './connection.ts';
import type { Joined } from './join.ts';
import { ident } from './sql.ts';

/** A row as it stands; null where there is none, and without a key. */
export function rowAt(connection: Connection, joined: Joined, key: readonly LogValue[] | null): Image | null {
  if (!key) return null;
  const { affinities } = joined;
  const [found] = connection.all(
    textOf(joined, 'row', () => rowText(joined)),
    ...key,
    ...key,
  );
  return found ? found.map((value, at) => (affinities[at] ? value : UNREADABLE)) : null;
}

function rowText({ table, catalog, affinities }: Joined): string {
  const columns = table.columns.map(({ column }, at) => `${affinities[at] ? ident(column) : 'NULL'} AS c${at}`).join(', ');
  const where = keyColumns(table, (column) => `${column} = ?`, ' AND ');
  // The key as it was spelt comes first, where the column's collation finds more than one.
  const exact = keyColumns(table, (column) => `${column} COLLATE BINARY = ? DESC`, ', ');
  // sql: keyColumns() quotes
  return `SELECT ${columns} FROM ${ident(catalog.name)} WHERE ${where} ORDER BY ${exact} LIMIT 1`;
}

/** Statements' texts by table, and by what they do to which columns: putting one together costs as much as running it. */
const texts = new WeakMap<Joined, Map<string, string>>();
/** A table's texts, at most: clients choose which fields they write. */
const MOST_TEXTS = 100;

function textOf(joined: Joined, name: string, make: () => string): string {
  let known = texts.get(joined);
  if (!known) texts.set(joined, (known = new Map()));
  let text = known.get(name);
  if (text !== undefined) return text;
  if (known.size >= MOST_TEXTS) known.clear();
  known.set(name, (text = make()));
  return text;
}

/** Are these the same rows, value by value? */
export function areSame(ones: readonly (Image | null)[], others: readonly (Image | null)[]): boolean {
  return ones.every((one, at) => {
    const other = others[at] ?? null;
    return one && other ? one.every((value, place) => isSame(value, other[place])) : one === other;
  });
}

function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return Object.is(one, other);
}

export interface RowWrite {
  readonly joined: Joined;
  readonly step: RowStep;
  /** As it was judged. */
  readonly before: Image | null;
  readonly values: ReadonlyMap<number, unknown>;
}

/** Writes one row. @returns its key. @throws {Refusal} where there is no such row by now, or a rule kept it as it was. */
export function writeRow(connection: Connection, { joined, step, before, values }: RowWrite): Json {
  const { table, catalog } = joined;
  const set = [...byColumn(joined, values)];
  const params = set.map(([, value]) => value);
  const on = ident(catalog.name);
  if (step.action === 'create') {
    const columns = set.map(([column]) => ident(column)).join(', ');
    const what = set.length === 0 ? 'DEFAULT VALUES' : `(${columns}) VALUES (${set.map(() => '?').join(', ')})`; // sql: quoted above
    const keys = table.key.map((place, at) => `${ident(table.columns[place]?.column ?? '')} AS c${at}`).join(', ');
    const [made] = connection.all(`INSERT INTO ${on} ${what} RETURNING ${keys}`, ...params);
    if (!made) throw new Refusal(KEPT_AS_IT_WAS);
    return keyJson(table, made);
  }
  if (!before) throw new Refusal(NOT_FOUND);
  // A key's own collation may tell apart what its column's does not: the first finds by index, the second exactly the row that was judged.
  const where = textOf(joined, 'where', () => keyColumns(table, (column) => `${column} IS ? AND ${column} COLLATE BINARY IS ?`, ' AND '));
  const key = keyOf(table, before);
  const exactly = key.flatMap((value) => [value, value]);
  // sql: keyColumns() quotes
  const isThere = (): boolean => connection.all(`SELECT 1 AS found FROM ${on} WHERE ${where}`, ...exactly).length > 0;
  const sure = (changed: number): void => {
    if (changed === 0) throw new Refusal(isThere() ? KEPT_AS_IT_WAS : NOT_FOUND);
  };
  if (step.action === 'delete') {
    // sql: keyColumns() quotes
    sure(connection.run(`DELETE FROM ${on} WHERE ${where}`, ...exactly));
    return wireKey(table, before);
  }
  if (set.length > 0) {
    const text = textOf(joined, JSON.stringify(set.map(([column]) => column)), () => {
      const assignments = set.map(([column]) => `${ident(column)} = ?`).join(', ');
      return `UPDATE ${on} SET ${assignments} WHERE ${where}`; // sql: keyColumns() quotes
    });
    sure(connection.run(text, ...params, ...exactly));
  } else if (!isThere()) {
    throw new Refusal(NOT_FOUND);
  }
  const after = table.key.map((place, at) =>
    values.has(place) ? paramOf(values.get(place), joined.affinities[place] ?? 'none') : (key[at] ?? null),
  );
  return keyJson(table, after);
}

export const NOT_FOUND: Refused = { ok: false, code: 'not_found', message: 'there is no such row' };
const KEPT_AS_IT_WAS: Refused = { ok: false, code: 'invalid', message: 'a rule of the database kept the row as it was' };

/** The values to be set, by the column's name in small letters, as SQLite would store them. */
export function byColumn({ table, affinities }: Joined, values: ReadonlyMap<number, unknown>): ReadonlyMap<string, Param> {
  return new Map(
    [...values].map(([place, value]) => [(table.columns[place]?.column ?? '').toLowerCase(), paramOf(value, affinities[place] ?? 'none')]),
  );
}

/** The quoted columns of the key, each in some words, joined. */
function keyColumns(table: Table, each: (column: string) => string, by: string): string {
  return table.key.map((place) => each(ident(table.columns[place]?.column ?? ''))).join(by);
}

/** @throws {RowcastError} `schema_drift` when the key is no longer there as declared. */
function keyOf(table: Table, image: Image): readonly LogValue[] {
  return table.key.map((place) => {
    const value = image[place] ?? null;
    if (value === UNREADABLE)
      throw new RowcastError('schema_drift', `the key of "${table.id}" is not as the model declares it; bring both in line`);
    return value;
  });
}

export function wireKey(table: Table, image: Image): Json {
  return JSON.parse(keyText(table, image)) as Json;
}

function keyJson(table: Table, key: readonly LogValue[]): Json {
  const image: LogValue[] = table.columns.map(() => null);
  table.key.forEach((place, at) => (image[place] = key[at] ?? null));
  return wireKey(table, image);
}
