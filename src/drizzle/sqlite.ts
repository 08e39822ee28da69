import type { ValueMap } from './postgres.ts';
import type { DrizzleColumn } from './table.ts';

/**
 * Mirrors `select()` over better-sqlite3 from storage classes as they are, integers as bigints: where the row's type is a number they become
 * one, as the driver makes them; where drizzle-orm promises every digit (`numeric`) none is lost.
 */
export function sqliteValues(column: DrizzleColumn): ValueMap {
  const codec = column.codec === undefined ? undefined : CODECS[column.codec];
  const read = codec ?? (column.columnType.startsWith('SQLiteNumeric') ? (value: unknown) => value : driverValue);
  return {
    fromLog: (value) => column.mapFromDriverValue(read(value)),
    toParam: (value) => column.mapToDriverValue(value),
  };
}

/** What the driver hands over: numbers, and Buffers in place of plain bytes. */
function driverValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
}

/** What 1.0's SQLite driver makes of a column's stored value; what is not here stays what the driver gives. */
const CODECS: Readonly<Record<string, (value: unknown) => unknown>> = {
  'integer:boolean': (value) => Number(value) === 1,
  'integer:timestamp': (value) => stamp(value, 1000),
  'integer:timestamp_ms': (value) => stamp(value, 1),
  'text:json': (value) => JSON.parse(String(value)) as unknown,
  'blob:json': (value) => JSON.parse(castText(value)) as unknown,
  'blob:bigint': (value) => BigInt(castText(value)),
  numeric: castText,
  'numeric:number': Number,
  'numeric:bigint': (value) => BigInt(castText(value)),
};

function stamp(value: unknown, unit: number): Date {
  return typeof value === 'string' ? new Date(value.replaceAll('"', '')) : new Date(Number(value) * unit);
}

/** `cast(value as text)`, which 1.0 reads these columns by. */
function castText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return typeof value === 'number' ? realText(value) : String(value);
}

/** A REAL as SQLite prints it, always with a decimal point. Past 15 digits SQLite's last ones are its own (`1 / 3`, or -0.00097738516 as …599999999): these are the shortest that say the same number. */
function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf';
  if (value === 0) return '0.0';
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent > 16) {
    return `${mantissa}${mantissa.includes('.') ? '' : '.0'}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const decimals = mantissa.replace(/^-?\d\.?/, '').length - exponent;
  return value.toFixed(Math.max(1, decimals));
}
