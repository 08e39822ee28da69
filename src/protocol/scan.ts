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

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses untrusted JSON. `JSON.parse` alone takes 200,000 levels of nesting (and whatever walks the value later overflows), lets the last of
 * two equal keys win, and makes `__proto__` an own key that a later assignment turns into a prototype: so the text is walked once before it.
 *
 * @throws {FrameError} `too_large` over a limit; `bad_frame` for what is not JSON, repeats a key, or names a prototype.
 */
export function parseJson(text: string, limits: TextLimits): Json {
  if (text.length > limits.bytes) throw new FrameError('too_large', `a frame holds at most ${limits.bytes} bytes`);
  if (!text.isWellFormed()) throw new FrameError('bad_frame', 'the text has a lone surrogate');
  scan(text, limits);
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new FrameError('bad_frame', 'the text is not JSON');
  }
}

function scan(text: string, limits: TextLimits): void {
  const open: (Set<string> | null)[] = []; // an object's keys so far; null for an array
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
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
        open.push(text.charCodeAt(at) === 0x7b ? new Set() : null);
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        open.pop();
        break;
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c /* \ */) at++;
    else if (code === 0x22) return at;
  }
  throw new FrameError('bad_frame', 'the text is not JSON');
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
    throw new FrameError('bad_frame', 'the text is not JSON');
  }
  if (FORBIDDEN.has(name)) throw new FrameError('bad_frame', `"${name}" is not a key`);
  if (names.has(name)) throw new FrameError('bad_frame', 'a key stands twice in one object');
  names.add(name);
}
