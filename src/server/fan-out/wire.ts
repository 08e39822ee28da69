import type { Action, ClientFrame, CloseReason, Position, ServerFrame } from '../../protocol/index.ts';
import type { Delivery } from '../../core/index.ts';
import type { Limits } from './limits.ts';
import type { View } from './audience.ts';

export type FrameLimits = Pick<Limits, 'frameBytes' | 'depth' | 'keys'>;

/** What is neither a commit nor rows: made of nothing but itself. */
export type PlainFrame = Exclude<ServerFrame, { type: 'commit' | 'rows' }>;

/** One change, as the viewers of one view with one verdict have it. Shared by all of them. */
export interface ChangeItem {
  readonly view: View;
  readonly action: Action;
  readonly delivery: Delivery;
  /** The net change of several commits. */
  readonly merged?: true;
}

/** Some of a view's rows. Shared by all who wait for them. */
export interface RowsItem {
  readonly view: View;
  readonly rows: readonly RowText[];
  readonly count: number;
  readonly total: number | null;
}

/** A row as JSON texts: its key, and the listed fields. */
export interface RowText {
  readonly key: string;
  readonly fields: string;
}

/** What a wire may ask about the session a frame came from. */
export interface Sender {
  /** Whether a binding or a consumer of the app's own answers to this stream. */
  offered(stream: string): 'binding' | 'consumer' | undefined;
  /** Numbers a write, for a wire without ids. */
  nextId(): number;
}

/**
 * How a door speaks: what happened, as the bytes its transport writes. One wire serves all sessions of its kind and keeps nothing about
 * any: that is what lets sessions share bytes. `B` is whatever the transport takes: framed bytes, text, objects.
 */
export interface Wire<B> {
  readonly name: string;
  /** A whole commit for one viewer: its items, in order, all of one position. */
  commit(position: Position, items: readonly ChangeItem[]): B;
  /** Null: this wire has no first rows. */
  rows(page: RowsItem): B | null;
  /** Anything else. Null: this wire has no such frame, and the client hears nothing of it. */
  frame(frame: PlainFrame): B | null;
  /** Several made before, in one. */
  join(parts: readonly B[]): B;
  /** Where a client must start again and this wire has no `reset`: the code to close with. */
  readonly resetCloses: number | null;
  /** The code that says why the server ends a connection. */
  closeCode(why: CloseReason): number;
  /** Whether a client of this wire hears answers. Where not, refusals are logged. */
  readonly answers: boolean;
  /** A client of this wire gets every stream's changes from the start, by its groups, and asks for nothing. */
  readonly unasked: boolean;
  /** How many bytes this is. */
  sizeOf(bytes: B): number;
  /** What a client sent. @throws {FrameError} */
  parse(text: string, limits: FrameLimits, sender: Sender): ClientFrame;
}

/** The socket behind a session. `write` never blocks and never throws, and gives the bytes that were still waiting before these. */
export interface Transport<B> {
  write(bytes: B): number;
  /** Bytes that still wait to be taken by the other side. */
  waiting(): number;
  /** Stops and goes on reading: how a session that sends too much is slowed. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}
