import {
  revive,
  toWire,
  ValueError,
  type Column,
  type Json,
  type Kind,
  type LogValue,
  type Model,
  type TableColumn,
} from '../core/index.ts';
import type { Affinity, CatalogColumn } from './catalog.ts';
import type { Param } from './connection.ts';

/**
 * A column's values between log and wire. The model says what a value is (SQLite's own types say little); SQLite's storage class decides
 * where the model is silent: a text that stands in an integer column stays that text, an integer beyond 2^53 its decimal digits.
 */
export function tableColumn(model: Model, place: number, catalog: CatalogColumn | undefined): TableColumn {
  const column = model.columns[place] as Column;
  const affinity = catalog?.affinity ?? 'none';
  const kind: TableColumn['kind'] = [kindOf(column, affinity), column.shape];
  return {
    ...column,
    kind,
    nullable: catalog ? !catalog.notNull && !isRowid(model, column, catalog) : true,
    generated: column.generated || (catalog?.generated ?? false),
    hasDefault: column.hasDefault || (catalog ? catalog.defaultSql !== null || isRowid(model, column, catalog) : true),
    toWire: (value) => JSON.stringify(wireOf(value, model, place)),
    fromWire(value) {
      if (value === null) return null;
      const exact = checked(value, kind[0]);
      // A year of other than four digits stays a text on the way to code; as a moment it is one like any other.
      const held = kind[1] === 'date' ? new Date(value as string) : revive(value, kind);
      return paramOf(exact === undefined ? model.toParam(place, held) : exact, affinity);
    },
  };
}

/** An INTEGER PRIMARY KEY: filled in by the database, and never NULL. */
function isRowid({ key }: Model, { name }: Column, { type }: CatalogColumn): boolean {
  return key.length === 1 && key[0] === name && type.toUpperCase() === 'INTEGER';
}

function kindOf({ shape }: Column, affinity: Affinity): Kind {
  switch (shape) {
    case 'boolean':
      return 'bool';
    case 'number':
      return affinity === 'integer' ? 'int' : 'float';
    case 'bigint':
      return 'bigint';
    case 'string':
      return affinity === 'text' || affinity === 'none' ? 'text' : 'numeric';
    case 'date':
      return 'timestamptz';
    case 'bytes':
      return 'bytes';
    case 'json':
      return 'json';
  }
}

function wireOf(value: LogValue, model: Model, place: number): Json {
  const { shape } = model.columns[place] as Column;
  const plain = plainOf(value);
  const fits =
    shape === 'number' || shape === 'bigint' || shape === 'boolean' ? typeof value === 'bigint' || typeof value === 'number' : true;
  if (!fits) return plain;
  let seen: unknown;
  try {
    seen = model.fromLog(place, value);
  } catch {
    // A cell that the model cannot read (broken JSON, say) is still that row's value: it must not stop the stream.
    return plain;
  }
  if (seen instanceof Date) return Number.isNaN(seen.getTime()) ? plain : seen.toISOString();
  // The model rounded what it could not hold: the digits are exact.
  if (typeof seen === 'number' && typeof value === 'bigint' && seen === Number(value) && !Number.isSafeInteger(seen))
    return value.toString();
  return toWire(seen) ?? plain;
}

function plainOf(value: LogValue): Json {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

/**
 * Checks a wire value by its kind, as strictly as the announced form: `'5 '`, `5.0` as text and `'007'` are no integers.
 * @returns the log value where going through JavaScript's own type would lose digits; else undefined.
 */
function checked(value: Json, kind: Kind): LogValue | undefined {
  const refuse = (what: string): never => {
    throw new ValueError(what);
  };
  switch (kind) {
    case 'bool':
      return typeof value === 'boolean' ? undefined : refuse('true or false');
    case 'int':
      if (typeof value === 'number')
        return Number.isSafeInteger(value) ? undefined : refuse('a whole number; beyond 2^53 its digits as a string');
      if (typeof value === 'string' && !Number.isSafeInteger(Number(value))) return int64(value) ?? refuse('a whole number of 64 bits');
      return refuse('a whole number');
    case 'bigint':
      return typeof value === 'string' && int64(value) !== undefined
        ? undefined
        : refuse('a whole number of 64 bits, its digits as a string');
    case 'float':
      if (typeof value === 'number' || value === 'Infinity' || value === '-Infinity') return undefined;
      // A column without a real's affinity may hold an integer beyond 2^53, which goes out as its digits.
      return (
        (typeof value === 'string' && !Number.isSafeInteger(Number(value)) ? int64(value) : undefined) ??
        refuse('a number; SQLite has no NaN')
      );
    case 'numeric':
      return typeof value === 'string' && /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value)
        ? undefined
        : refuse('a decimal number, as a string');
    case 'timestamptz':
      return typeof value === 'string' && isInstant(value) ? undefined : refuse('a moment as 2026-11-23T12:34:56.789Z');
    case 'bytes':
      return typeof value === 'string' && isBase64(value) ? undefined : refuse('bytes as base64');
    case 'json':
      return undefined;
    default:
      if (typeof value !== 'string') return refuse('a text');
      return value.isWellFormed() ? undefined : refuse('a text without lone surrogates');
  }
}

function int64(text: string): bigint | undefined {
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= INT64.least && value <= INT64.most ? value : undefined;
}

function isInstant(text: string): boolean {
  return /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}

function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

/**
 * A parameter as the model made it, in SQLite's own classes: a whole JavaScript number is an integer, except where the column makes reals of
 * them anyway.
 * @throws {ValueError} when SQLite has no such value.
 */
export function paramOf(value: unknown, affinity: Affinity): Param {
  switch (typeof value) {
    case 'number':
      if (Number.isNaN(value)) throw new ValueError('a number; SQLite has no NaN');
      return affinity !== 'real' && Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
    case 'bigint':
      if (value < INT64.least || value > INT64.most) throw new ValueError('a whole number of 64 bits');
      return affinity === 'real' ? Number(value) : value;
    case 'boolean':
      return value ? 1n : 0n;
    case 'string':
      return value;
    case 'undefined':
      return null;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      if (value instanceof ArrayBuffer) return new Uint8Array(value);
      throw new ValueError('a value that SQLite can store; map it in the model');
  }
}
