/**
 * How a database value crosses the wire. Every kind that JSON cannot hold exactly travels as a documented string; the kinds of a stream's
 * fields are announced once, in `welcome`, so a plain client reads plain JSON and a typed client revives exactly.
 */
export type Kind =
  | 'bool' // true | false
  | 'int' // JSON number, always a safe integer
  | 'bigint' // decimal string
  | 'float' // JSON number; 'NaN', 'Infinity', '-Infinity' as strings
  | 'numeric' // decimal string, digits as stored; also 'NaN', 'Infinity', '-Infinity'
  | 'text'
  | 'enum'
  | 'uuid'
  | 'date' // 2026-11-23
  | 'time' // 12:34:56.789012
  | 'timestamp' // 2026-11-23T12:34:56.789012, no zone
  | 'timestamptz' // 2026-11-23T12:34:56.789012Z; also 'infinity', '-infinity'
  | 'interval' // ISO 8601: P1DT2H
  | 'json' // as it is
  | 'bytes' // base64
  | 'array' // JSON array of the element's kind
  | 'other'; // the database's own text

/** What a typed client makes of a field: the JavaScript type the model declares for it. */
export type Shape = 'boolean' | 'number' | 'bigint' | 'string' | 'date' | 'bytes' | 'json';

/** One field as announced in `welcome`: `['timestamptz', 'date']`; an array's element kind stands third: `['array', 'bigint', 'bigint']`. */
export type FieldKind = readonly [kind: Kind, shape: Shape, element?: Kind];

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Turns a wire value into the JavaScript value the model's type promises. A value that the shape cannot hold (a year before 1 or after 9999
 * as a `Date`, `infinity`) stays the exact text it was; a `Date` holds milliseconds, so microseconds are cut.
 *
 * @example revive('9007199254740993', ['bigint', 'bigint']) // 9007199254740993n
 */
export function revive(value: Json, field: FieldKind): unknown {
  if (value === null) return null;
  if (Array.isArray(value) && field[0] === 'array') {
    return value.map((item: Json) => revive(item, Array.isArray(item) ? field : [field[2] ?? 'other', field[1]]));
  }
  switch (field[1]) {
    case 'bigint':
      return typeof value === 'string' || typeof value === 'number' ? BigInt(value) : value;
    case 'number':
      return typeof value === 'string' ? Number(value) : value;
    case 'date':
      return typeof value === 'string' ? reviveDate(value, field[0]) : value;
    case 'bytes':
      return typeof value === 'string' ? fromBase64(value) : value;
    case 'boolean':
    case 'string':
    case 'json':
      return value;
  }
}

/** Other years than these four digits are read differently by every engine, some as local time. */
const FOUR_DIGIT_YEAR = /^\d{4}-\d\d-\d\d(?:T|$)/;

function reviveDate(text: string, kind: Kind): Date | string {
  if (!FOUR_DIGIT_YEAR.test(text)) return text;
  const date = new Date(kind === 'timestamp' ? `${text}Z` : text);
  return Number.isNaN(date.getTime()) ? text : date;
}

/** Turns what a program holds into a wire value: the inverse of {@link revive} for every shape. `undefined` members are left out. */
export function toWire(value: unknown): Json | undefined {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'string':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : objectToWire(value);
    default:
      return undefined;
  }
}

function objectToWire(value: object): Json {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map((item) => toWire(item) ?? null);
  const plain: Record<string, Json> = Object.create(null) as Record<string, Json>;
  for (const [key, member] of Object.entries(value)) {
    const wire = toWire(member);
    if (wire !== undefined) plain[key] = wire;
  }
  return plain;
}

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}

/** @throws {SyntaxError} when the text is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new SyntaxError('not base64');
  }
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
declare function atob(text: string): string;
declare function btoa(text: string): string;
