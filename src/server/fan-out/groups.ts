import { type Group, RowcastError, type Json } from '../../core/index.ts';

/** Groups as the app's own code uses them: names, and messages to whoever is in one. Names are shared with `groupNames`. */
export interface Groups {
  /** Sends to every connection in the group, on every node. `stream` is the consumer it belongs to; left out, it goes to the connection as a whole. */
  send(group: Group, payload: Json, options?: { readonly stream?: string }): Promise<void>;
}

/** The groups of one connection. */
export interface OwnGroups {
  /** From the next commit on, rows of this group reach the connection, on all its streams. */
  add(group: Group): void;
  discard(group: Group): void;
  /** `others`: to everybody in the group but this connection. */
  send(group: Group, payload: Json, options?: { readonly others?: boolean }): void;
}

/**
 * A copy of what the app sends, taken now: changed later it changes nothing here, and what JSON cannot hold is the sender's own error.
 * @throws {RowcastError} `hook_invalid`.
 */
export function jsonOf(payload: Json): Json {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (cause) {
    throw new RowcastError('hook_invalid', 'a message must be something that JSON can hold', { cause });
  }
  if (text === undefined)
    throw new RowcastError('hook_invalid', 'a message must be something that JSON can hold; undefined is not, null is');
  return JSON.parse(text) as Json;
}
