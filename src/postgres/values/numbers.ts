import { ValueError, type Json } from '../../core/index.ts';
import type { Codec } from './codec.ts';

const asIs = (text: string): string => text;

export const BOOL: Codec = {
  kind: 'bool',
  toWire: (text) => (text === 't' ? 'true' : 'false'),
  fromWire(value) {
    if (typeof value !== 'boolean') throw new ValueError('true or false');
    return value ? 't' : 'f';
  },
};

export const INT2: Codec = int(-32_768, 32_767);
export const INT4: Codec = int(-2_147_483_648, 2_147_483_647);
export const OID: Codec = int(0, 4_294_967_295);

function int(least: number, most: number): Codec {
  return {
    kind: 'int',
    toWire: asIs,
    fromWire(value) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
        throw new ValueError(`a whole number from ${least} to ${most}`);
      }
      return (value + 0).toString(); // not -0
    },
  };
}

export const BIGINT: Codec = {
  kind: 'bigint',
  toWire: quoted,
  fromWire(value) {
    const text = decimalText(value);
    if (text !== null && /^-?\d{1,19}$/.test(text)) {
      const number = BigInt(text);
      if (BigInt.asIntN(64, number) === number) return number.toString();
    }
    throw new ValueError('a whole number from -9223372036854775808 to 9223372036854775807, as a string');
  },
};

export const DOUBLE: Codec = float((value) => value);
export const REAL: Codec = float(Math.fround);

function float(round: (value: number) => number): Codec {
  return {
    kind: 'float',
    // The log has digits, which are JSON, or one of NaN, Infinity and -Infinity.
    toWire: (text) => (text.endsWith('y') || text === 'NaN' ? `"${text}"` : text),
    fromWire(value) {
      if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return value;
      if (typeof value !== 'number') throw new ValueError('a number, or one of "NaN", "Infinity" and "-Infinity"');
      const held = round(value);
      if (!Number.isFinite(held) || (held === 0 && value !== 0)) throw new ValueError('a number that fits in four bytes');
      return Object.is(value, -0) ? '-0' : String(value);
    },
  };
}

interface Digits {
  readonly precision: number;
  readonly scale: number;
}

/** Digits stay as they are: never a JavaScript number. More digits after the point than the column has are rounded by the database. */
export function numeric(digits?: Digits): Codec {
  return {
    kind: 'numeric',
    toWire: quoted,
    fromWire(value) {
      const text = decimalText(value);
      if (text === null || !/^(?:-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?|NaN|-?Infinity)$/.test(text)) {
        throw new ValueError('a decimal number, as a string');
      }
      if (lengthOf(text) > MOST_DIGITS) throw new ValueError(`a number of at most ${MOST_DIGITS} digits`);
      if (digits && !holds(digits, text)) {
        throw new ValueError(`a number of at most ${digits.precision - digits.scale} digits before the point`);
      }
      return text;
    },
  };
}

/** Written out: an exponent of five characters would come back as ten thousand digits. */
const MOST_DIGITS = 1_000;

function lengthOf(text: string): number {
  const [mantissa = '', exponent = '0'] = text.split(/e/i);
  return mantissa.length + Math.abs(Number(exponent));
}

function holds({ precision, scale }: Digits, text: string): boolean {
  if (text === 'NaN') return true;
  if (text.endsWith('y')) return false;
  const [, whole = '', fraction = '', exponent = '0'] = /^-?0*(\d*)\.?(\d*)(?:[eE](.+))?$/.exec(text) ?? [];
  // The first digit's place says it, but for a rounding up to one more place: that one the database refuses.
  const first = whole === '' ? -(/^0*/.exec(fraction)?.[0].length ?? 0) : whole.length;
  return !/[1-9]/.test(whole + fraction) || first + Number(exponent) <= precision - scale;
}

/** A number is taken where JSON held it exactly. */
function decimalText(value: Json): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? (value + 0).toString() : null;
}

function quoted(text: string): string {
  return `"${text}"`;
}
