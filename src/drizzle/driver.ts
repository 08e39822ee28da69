import type { Column } from '../core/index.ts';

/** What a Postgres driver hands over for a type's text, and what that is in JavaScript. Types that are not here come as text. */
interface DriverType {
  readonly shape: Column['shape'];
  read(text: string): unknown;
}

const NUMBER: DriverType = { shape: 'number', read: Number };
const BOOLEAN: DriverType = { shape: 'boolean', read: (text) => text === 't' || text === 'true' };
const BYTES: DriverType = { shape: 'bytes', read: (text) => Buffer.from(text.slice(2), 'hex') };
const JSON_VALUE: DriverType = { shape: 'json', read: (text) => JSON.parse(text) as unknown };
const TEXT: DriverType = { shape: 'string', read: (text) => text };

const TYPES: Readonly<Record<string, DriverType>> = {
  smallint: NUMBER,
  int2: NUMBER,
  smallserial: NUMBER,
  integer: NUMBER,
  int: NUMBER,
  int4: NUMBER,
  serial: NUMBER,
  oid: NUMBER,
  real: NUMBER,
  float4: NUMBER,
  'double precision': NUMBER,
  float8: NUMBER,
  boolean: BOOLEAN,
  bool: BOOLEAN,
  bytea: BYTES,
  json: JSON_VALUE,
  jsonb: JSON_VALUE,
  point: { shape: 'json', read: readPoint },
  circle: { shape: 'json', read: readCircle },
};

/** @example driverType('timestamp (3) with time zone') */
export function driverType(sqlType: string): DriverType {
  return TYPES[plainType(sqlType)] ?? TEXT;
}

/** A declared type without its modifiers: `varchar` for `VARCHAR(100)`. */
export function plainType(sqlType: string): string {
  return sqlType
    .toLowerCase()
    .replace(/\([^)]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function readPoint(text: string): { x: number; y: number } {
  const [x = NaN, y = NaN] = text.slice(1, -1).split(',').map(Number);
  return { x, y };
}

function readCircle(text: string): { x: number; y: number; radius: number } {
  const [x = NaN, y = NaN, radius = NaN] = text
    .replace(/[<>()]/g, '')
    .split(',')
    .map(Number);
  return { x, y, radius };
}
