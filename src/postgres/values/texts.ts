import { ValueError, type Json } from '../../core/index.ts';
import type { Codec } from './codec.ts';

/** @throws {ValueError} for what is no text, or no text Postgres can store: a driver would silently write another one. */
function textOf(value: Json): string {
  if (typeof value !== 'string') throw new ValueError('a string');
  refuseUnstorable(value);
  return value;
}

function refuseUnstorable(text: string): void {
  if (text.includes('\0')) throw new ValueError('text without the character U+0000');
  if (!text.isWellFormed()) throw new ValueError('well-formed text: it has half of a surrogate pair');
}

export const TEXT: Codec = { kind: 'text', toWire: JSON.stringify, fromWire: textOf };

/** The database's own text, both ways: what it is no good for, the database says. */
export const OTHER: Codec = { kind: 'other', toWire: JSON.stringify, fromWire: textOf };

/** `varchar(n)`: characters are code points, and blanks over the limit are cut off, as the SQL standard has it. */
export function varying(limit: number): Codec {
  return {
    kind: 'text',
    toWire: JSON.stringify,
    fromWire: (value) => limited(textOf(value), limit),
  };
}

/** `char(n)`: what is stored has all its blanks, and so has the key of a row. */
export function blankPadded(length: number): Codec {
  return {
    kind: 'text',
    toWire: JSON.stringify,
    fromWire(value) {
      const text = limited(textOf(value), length);
      return text + ' '.repeat(length - lengthOf(text));
    },
  };
}

function limited(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const over = [...text].slice(limit);
  if (over.some((char) => char !== ' ')) throw new ValueError(`at most ${limit} characters`);
  return over.length === 0 ? text : text.slice(0, -over.length);
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

export function enumOf(labels: readonly string[]): Codec {
  const known = new Set(labels);
  return {
    kind: 'enum',
    toWire: JSON.stringify,
    fromWire(value) {
      if (typeof value !== 'string' || !known.has(value)) throw new ValueError(`one of ${labels.join(', ')}`);
      return value;
    },
  };
}

export const UUID: Codec = {
  kind: 'uuid',
  toWire: (text) => `"${text}"`,
  fromWire(value) {
    if (typeof value !== 'string' || !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) {
      throw new ValueError('a UUID, such as 018f6f3e-7a5b-7c3d-9e1f-2a4b6c8d0e1f');
    }
    return value.toLowerCase();
  },
};

/** Spliced as it is, never parsed: every digit of its numbers arrives. */
export const JSON_VALUE: Codec = {
  kind: 'json',
  toWire: (text) => text,
  fromWire(value) {
    everyText(value, refuseUnstorable);
    return JSON.stringify(value);
  },
};

function everyText(value: Json, see: (text: string) => void): void {
  if (typeof value === 'string') see(value);
  else if (Array.isArray(value)) for (const item of value as readonly Json[]) everyText(item, see);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      see(key);
      everyText(member as Json, see);
    }
  }
}

export const BYTES: Codec = {
  kind: 'bytes',
  toWire: (text) => `"${Buffer.from(text.slice(2), 'hex').toString('base64')}"`,
  fromWire(value) {
    // Buffer skips what is no base64; only the text it would write itself is taken.
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
    if (!bytes || bytes.toString('base64') !== value) throw new ValueError('bytes as base64');
    return `\\x${bytes.toString('hex')}`;
  },
};
