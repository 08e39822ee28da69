import type { Position } from '../core/index.ts';

/** The ledger as it is when the message that says so is its last one. */
export interface State {
  /** 0: nobody leads. */
  readonly term: number;
  readonly tail: Position;
  /** By what was appended, and when: what has grown too old since is not in it. */
  readonly floor: Position;
  /** The sequence at which the call stands that the first kept entry is of; past the last message when none is kept. */
  readonly head: number;
  /** When that call was appended: time of day, ms. */
  readonly since: number;
  /** When the last call was: time of day, ms; never less than before. */
  readonly at: number;
  /** Entries, and their bytes by `sizeOf`, that ever were, and those that went. */
  readonly count: number;
  readonly bytes: number;
  readonly goneCount: number;
  readonly goneBytes: number;
}

/** What one message holds. A call that is too large for one goes in several, and only the last of them has a new state. */
export interface Part extends State {
  readonly seq: number;
  /** The tail before the call. */
  readonly prev: Position;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
}

export interface Message {
  readonly subject: string;
  readonly head: Part;
  readonly body: Uint8Array;
}

/** More than a message's first line takes, with the headers it is sent under, bytes. */
export const HEAD = 1_024;

const LINE = 10; // '\n', which JSON text has nowhere

export function encode(head: Part, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** Null: somebody else's message. */
export function decode(subject: string, data: Uint8Array): Message | null {
  const end = data.indexOf(LINE);
  if (end < 0) return null;
  try {
    const head = JSON.parse(Buffer.from(data.buffer, data.byteOffset, end).toString()) as Partial<Part> | null;
    if (typeof head?.seq !== 'number' || typeof head.term !== 'number' || typeof head.tail !== 'string') return null;
    return { subject, head: head as Part, body: data.subarray(end + 1) };
  } catch {
    return null;
  }
}

export function stateOf({ term, tail, floor, head, since, at, count, bytes, goneCount, goneBytes }: State): State {
  return { term, tail, floor, head, since, at, count, bytes, goneCount, goneBytes };
}

/** A ledger that nobody has begun. */
export function unbegun(start: Position, head: number): State {
  return { term: 0, tail: start, floor: start, head, since: 0, at: 0, count: 0, bytes: 0, goneCount: 0, goneBytes: 0 };
}
