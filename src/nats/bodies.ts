import { entriesIn, textOf, type Entry } from '../core/index.ts';
import type { Message } from './state.ts';

/** A call as bytes, cut where one message cannot hold it. */
export function bodiesOf(entries: readonly Entry[], largest: number): readonly Uint8Array[] {
  const body = Buffer.from(textOf(entries));
  if (body.length <= largest) return [body];
  return Array.from({ length: Math.ceil(body.length / largest) }, (_, index) => body.subarray(index * largest, (index + 1) * largest));
}

/** The entries of a call, of all of its messages. What is no text of entries is somebody else's, and has none: each of ours names the one before. */
export function entriesOf(messages: readonly Message[]): readonly Entry[] {
  const [first] = messages;
  const body =
    messages.length === 1 && first
      ? Buffer.from(first.body.buffer, first.body.byteOffset, first.body.length)
      : Buffer.concat(messages.map((each) => each.body));
  return entriesIn(body.toString()) ?? [];
}
