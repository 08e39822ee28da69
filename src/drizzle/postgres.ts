import { formatArrayText, parseArrayText, type ArrayText } from '../core/index.ts';
import { driverType, plainType } from './driver.ts';
import { intervalText } from './interval.ts';
import type { DrizzleColumn } from './table.ts';

/** A column's values on their way out of Postgres's text and into parameters. Never given null. */
export interface ValueMap {
  fromLog(value: unknown): unknown;
  toParam(value: unknown): unknown;
}

/**
 * Mirrors `select()` over node-postgres: the driver reads the text by its type, 1.0 normalises what it read by the column's codec, the
 * column maps it. One thing is not mirrored: a NULL inside an array stays null where drizzle-orm makes 0, 1970 or 'NULL' of it.
 */
export function postgresValues(column: DrizzleColumn): ValueMap {
  const element = elementOf(column);
  const readElement = elementReader(element);
  const depth = depthOf(column);
  if (depth === 0) {
    return {
      fromLog: (text) => column.mapFromDriverValue(readElement(text as string)),
      toParam: (value) => driverParam(column, column.mapToDriverValue(value)),
    };
  }
  const delimiter = delimiterOf(element);
  // In 0.45 an array's element is a column that maps itself; in 1.0 the column maps the whole array.
  const mapElement = element === column ? (value: unknown) => value : (value: unknown) => element.mapFromDriverValue(value);
  const mapArray = element === column ? (value: unknown) => column.mapFromDriverValue(value) : (value: unknown) => value;
  const read = (items: ArrayText): unknown[] =>
    items.map((item) => (item === null ? null : typeof item === 'string' ? mapElement(readElement(item)) : read(item)));
  return {
    fromLog: (text) => mapArray(read(parseArrayText(text as string, delimiter))),
    toParam: (value) => driverParam(column, mapItems(column, value)),
  };
}

/** What a column made of a value, as a parameter that node-postgres passes on as it is. */
export function driverParam(column: DrizzleColumn, mapped: unknown): unknown {
  const element = elementOf(column);
  const depth = depthOf(column);
  const json = writesJson(element);
  if (depth > 0) return formatArrayText(textOf(mapped, depth, json) as ArrayText, delimiterOf(element));
  return json ? JSON.stringify(mapped) : mapped;
}

/** Types whose arrays are not separated by commas. */
const DELIMITERS: Readonly<Record<string, string>> = { box: ';', geometry: ':', geography: ':' };

function delimiterOf(element: DrizzleColumn): string {
  return DELIMITERS[plainType(element.getSQLType())] ?? ',';
}

function elementOf(column: DrizzleColumn): DrizzleColumn {
  return column.baseColumn ? elementOf(column.baseColumn) : column;
}

function depthOf(column: DrizzleColumn): number {
  if (column.baseColumn) return 1 + depthOf(column.baseColumn);
  return isOne(column) ? (column.dimensions ?? 0) : 0;
}

function isOne(column: DrizzleColumn): boolean {
  return 'codec' in column;
}

/** 0.45 writes JSON in the column, 1.0 in the driver's codec. */
function writesJson(element: DrizzleColumn): boolean {
  return element.codec === 'json' || element.codec === 'jsonb';
}

function elementReader(element: DrizzleColumn): (text: string) => unknown {
  const sqlType = element.getSQLType();
  if (/^interval\b/i.test(sqlType)) return intervalText;
  return (element.codec !== undefined ? CODECS[element.codec] : undefined) ?? driverType(sqlType).read;
}

/** What 1.0's Postgres drivers make of a column's text; what is not here stays what the driver gives. */
const CODECS: Readonly<Record<string, (text: string) => unknown>> = {
  bigint: BigInt,
  'bigint:number': Number,
  bigserial: BigInt,
  'bigserial:number': Number,
  'numeric:number': Number,
  'numeric:bigint': BigInt,
  date: (text) => new Date(text),
  timestamp: (text) => new Date(`${text}+0000`),
  timestamptz: (text) => new Date(text),
  point: (text) => named(['x', 'y'], numbers(text)),
  'point:tuple': numbers,
  line: (text) => named(['a', 'b', 'c'], numbers(text)),
  'line:tuple': numbers,
  vector: numbers,
  halfvec: numbers,
  'geometry(point)': (text) => named(['x', 'y'], pointOf(text)),
  'geometry(point):tuple': pointOf,
};

function numbers(text: string): number[] {
  const body = text.slice(1, -1);
  return body === '' ? [] : body.split(',').map(Number);
}

function named(names: readonly string[], values: readonly number[]): Record<string, number | undefined> {
  return Object.fromEntries(names.map((name, index) => [name, values[index]]));
}

/** A point as PostGIS prints it: EWKB in hex, little-endian on every platform Postgres is run on. */
function pointOf(hex: string): [number, number] {
  const bytes = Buffer.from(hex, 'hex');
  const type = bytes.readUInt32LE(1);
  if ((type & 0xffff) !== 1) throw new RangeError('a geometry that is no point');
  const from = type & 0x20000000 ? 9 : 5;
  return [bytes.readDoubleLE(from), bytes.readDoubleLE(from + 8)];
}

function mapItems(column: DrizzleColumn, value: unknown): unknown {
  const base = column.baseColumn;
  if (!base) return column.mapToDriverValue(value);
  if (!Array.isArray(value)) throw new TypeError('not an array');
  return value.map((item: unknown) => (item === null ? null : base.baseColumn ? mapItems(base, item) : base.mapToDriverValue(item)));
}

function textOf(value: unknown, depth: number, json: boolean): string | null | ArrayText {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && (depth > 0 || !json)) return value.map((item: unknown) => textOf(item, depth - 1, json));
  if (json) return JSON.stringify(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
