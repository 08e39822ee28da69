import type { Json } from './values.ts';

/** What a frame's text may hold. Bytes are UTF-8. */
export interface TextLimits {
  readonly bytes: number;
  readonly depth: number;
  readonly keys: number;
}

export class FrameError extends Error {
  readonly code: 'bad_frame' | 'too_large';
  constructor(code: 'bad_frame' | 'too_large', message: string) {
    super(message);
    this.name = 'FrameError';
    this.code = code;
  }
}

const NUMBER = new Set([...'0123456789.eE+-'].map((char) => char.charCodeAt(0)));
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses untrusted JSON. `JSON.parse` alone takes 200,000 levels of nesting (and whatever walks the value later overflows), lets the last of
 * two equal keys win, and makes `__proto__` an own key that a later assignment turns into a prototype: so the text is walked once before it.
 *
 * @throws {FrameError} `too_large` over a limit; `bad_frame` for what is not JSON, repeats a key, or names a prototype.
 */
export function parseJson(text: string, limits: TextLimits): Json {
  if (!fits(text, limits.bytes)) throw new FrameError('too_large', `a frame holds at most ${limits.bytes} bytes`);
  if (!text.isWellFormed()) throw new FrameError('bad_frame', LONE_SURROGATE);
  scan(text, limits);
  try {
    return JSON.parse(text, SURROGATE_ESCAPE.test(text) ? wellFormed : undefined) as Json;
  } catch (error) {
    throw error instanceof FrameError ? error : new FrameError('bad_frame', NOT_JSON);
  }
}

const NOT_JSON = 'the text is not JSON';
const LONE_SURROGATE = 'the text has a lone surrogate';
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** An escape can write what the text itself cannot hold: a database would store another character in its place. */
function wellFormed(key: string, value: Json): Json {
  if (!key.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) throw new FrameError('bad_frame', LONE_SURROGATE);
  return value;
}

/** Whether the text is at most so many bytes of UTF-8. */
function fits(text: string, limit: number): boolean {
  if (text.length > limit) return false;
  if (text.length * 3 <= limit) return true;
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Both halves of a pair count 2 each.
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return bytes <= limit;
}

function scan(text: string, limits: TextLimits): void {
  const open: (Set<string> | null)[] = []; // an object's keys so far; null for an array
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case 0x22 /* " */: {
        const end = endOfString(text, at);
        const names = open.at(-1);
        if (names && isKey(text, end)) {
          if (++keys > limits.keys) throw new FrameError('too_large', `a frame holds at most ${limits.keys} keys`);
          addKey(names, text.slice(at, end + 1));
        }
        at = end;
        break;
      }
      case 0x7b /* { */:
      case 0x5b /* [ */:
        if (open.length === limits.depth) throw new FrameError('too_large', `a frame nests at most ${limits.depth} deep`);
        open.push(code === 0x7b ? new Set() : null);
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        open.pop();
        break;
      default:
        if (code >= 0x30 && code <= 0x39 /* 0-9 */) at = endOfNumber(text, at) - 1;
    }
  }
}

/** `JSON.parse` makes Infinity of 1e400, 0 of 1e-400 and another whole number of 9007199254740993, and says nothing. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && NUMBER.has(text.charCodeAt(at))) at++;
  if (!isHeld(text.slice(start, at))) throw new FrameError('bad_frame', 'a number is beyond what a double holds: send it as a string');
  return at;
}

/**
 * Whether a literal without a sign is a number still when it is a double. A fraction may lose digits, as every float does; a whole number must
 * read back as it was written, which the doubles of a client do at any size (1e20 is written with all its zeros).
 */
function isHeld(literal: string): boolean {
  const value = Number(literal);
  if (value === Infinity) return false;
  if (value === 0) return !/^[^eE]*[1-9]/.test(literal);
  return literal.length < 16 || /\D/.test(literal) || String(value) === literal;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c /* \ */) at++;
    else if (code === 0x22) return at;
  }
  throw new FrameError('bad_frame', NOT_JSON);
}

function isKey(text: string, end: number): boolean {
  for (let at = end + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a /* : */) return true;
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return false;
  }
  return false;
}

function addKey(names: Set<string>, literal: string): void {
  let name: string;
  try {
    name = JSON.parse(literal) as string;
  } catch {
    throw new FrameError('bad_frame', NOT_JSON);
  }
  if (FORBIDDEN.has(name)) throw new FrameError('bad_frame', `"${name}" is not a key`);
  if (names.has(name)) throw new FrameError('bad_frame', 'a key stands twice in one object');
  names.add(name);
}
