import { formatArrayText, parseArrayText, ValueError, type ArrayText, type Json, type Kind } from '../../core/index.ts';
import { BIGINT, BOOL, DOUBLE, INT2, INT4, numeric, OID, REAL } from './numbers.ts';
import { blankPadded, BYTES, enumOf, JSON_VALUE, OTHER, TEXT, UUID, varying } from './texts.ts';
import { DATE, INTERVAL, TIME, TIMESTAMP, TIMESTAMPTZ } from './times.ts';
import type { PgType } from './types.ts';

/** How one type's values cross: from the log's text to JSON text, and back from what a client sent. Never given NULL. */
export interface Codec {
  readonly kind: Kind;
  toWire(text: string): string;
  /** @throws {ValueError} saying what the column takes. */
  fromWire(value: Json): string;
}

export interface ArrayCodec extends Codec {
  readonly element: Kind;
}

/** Made once per column: what a type means is decided here, never per value. A domain is its base type. */
export function codecOf(type: PgType, modifier: number): Codec | ArrayCodec {
  if (type.base) return codecOf(type.base, modifier === -1 ? type.modifier : modifier);
  if (type.element) return arrayOf(codecOf(type.element, modifier), type.delimiter);
  if (type.labels) return enumOf(type.labels);
  return CODECS[type.oid]?.(modifier) ?? (type.category === 'S' ? TEXT : OTHER);
}

// By the types' fixed numbers. A modifier of -1 says nothing; else it is the length plus 4, or a numeric's precision and scale plus 4.
const CODECS: Readonly<Record<number, (modifier: number) => Codec>> = {
  16: () => BOOL,
  17: () => BYTES,
  18: () => TEXT,
  20: () => BIGINT,
  21: () => INT2,
  23: () => INT4,
  25: () => TEXT,
  26: () => OID,
  114: () => JSON_VALUE,
  700: () => REAL,
  701: () => DOUBLE,
  1042: (modifier) => (modifier === -1 ? TEXT : blankPadded(modifier - 4)),
  1043: (modifier) => (modifier === -1 ? TEXT : varying(modifier - 4)),
  1082: () => DATE,
  1083: () => TIME,
  1114: () => TIMESTAMP,
  1184: () => TIMESTAMPTZ,
  1186: () => INTERVAL,
  1700: (modifier) =>
    modifier === -1 ? numeric() : numeric({ precision: (modifier - 4) >> 16, scale: (((modifier - 4) & 0x7ff) ^ 1024) - 1024 }),
  2950: () => UUID,
  3802: () => JSON_VALUE,
};

/** JSON arrays of the element's rule. Lower bounds other than 1 do not cross: JSON has no place for them. */
function arrayOf(element: Codec, delimiter: string): ArrayCodec {
  const write = (items: ArrayText): string =>
    `[${items.map((item) => (item === null ? 'null' : typeof item === 'string' ? element.toWire(item) : write(item))).join(',')}]`;
  // An array inside an array of json is a value, not a dimension.
  const nests = element.kind !== 'json';
  const read = (value: Json): ArrayText => {
    if (!Array.isArray(value)) throw new ValueError('an array');
    const items = value.map((item: Json) => {
      if (item === null) return null;
      return nests && Array.isArray(item) ? read(item) : element.fromWire(item);
    });
    if (!isRectangular(items)) throw new ValueError('an array whose inner arrays are all of one length');
    return items;
  };
  return {
    kind: 'array',
    element: element.kind,
    toWire: (text) => write(parseArrayText(text, delimiter)),
    fromWire: (value) => formatArrayText(read(value), delimiter),
  };
}

function isRectangular(items: ArrayText): boolean {
  const first = items[0];
  const length = Array.isArray(first) ? first.length : null;
  return items.every((item) => (Array.isArray(item) ? item.length : null) === length);
}
