import type { Json } from './values.ts';

/** Why something a client asked for was refused. The message that travels with it names the cure; it never carries the database's text. */
export type AnswerCode =
  | 'bad_frame' // not a frame of this protocol
  | 'too_large' // over a limit of size, depth or keys
  | 'rate_limited' // too many frames, or too many in flight: try again after a moment
  | 'unknown_stream' // not offered at this endpoint
  | 'unknown_field' // not a field a client may write
  | 'read_only' // the stream takes no writes
  | 'invalid' // `fields` says which and why
  | 'forbidden' // the row is seen, the action is not allowed
  | 'not_found' // no such row, or none this client may know of
  | 'conflict' // the row is another than `if` says, or kept changing while it was judged
  | 'key_reused' // the same write id came with another body
  | 'busy' // the database did not take it in time: try again
  | 'internal'; // our fault: the log has the details

export type Key = Json;

export interface Ok {
  readonly ok: true;
  /** The row's key. */
  readonly pk: Key;
}

/** Of a batch. */
export interface BatchOk {
  readonly ok: true;
  /** The keys of its rows, in its order. */
  readonly pks: readonly Key[];
}

/** Of a command. */
export interface CallOk {
  readonly ok: true;
  /** What the command returned. */
  readonly value: Json;
}

export interface Refused {
  readonly ok: false;
  readonly code: AnswerCode;
  readonly message: string;
  /** For `invalid` and `unknown_field`: what is wrong with which field. */
  readonly fields?: Readonly<Record<string, string>>;
  /** For `conflict`: the row as it is, its fields alone. */
  readonly row?: Readonly<Record<string, Json>>;
  /** Which write of a batch it is about, 0 being the first. */
  readonly at?: number;
}

export type Answer = Ok | BatchOk | CallOk | Refused;
