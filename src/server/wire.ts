import type { Action, ClientFrame, CloseReason, Position, ServerFrame } from '../protocol/index.ts';
import type { Delivery } from '../core/index.ts';
import type { Limits } from './limits.ts';
import type { View } from './audience.ts';

export type FrameLimits = Pick<Limits, 'frameBytes' | 'depth' | 'keys'>;

/** One change, as the viewers of one view with one verdict have it. Shared by all of them. */
export interface ChangeItem {
  readonly view: View;
  readonly action: Action;
  readonly delivery: Delivery;
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
  /** Anything else. Null: this wire has no such frame, and the client hears nothing of it. */
  frame(frame: Exclude<ServerFrame, { type: 'commit' }>): B | null;
  /** Several made before, in one. */
  join(parts: readonly B[]): B;
  /** Where a client must start again and this wire has no `reset`: the code to close with. */
  readonly resetCloses: number | null;
  /** The code that says why the server ends a connection. */
  closeCode(why: CloseReason): number;
  /** Whether a client of this wire hears answers. Where not, refusals are logged. */
  readonly answers: boolean;
  /** What a client sent. @throws {FrameError} */
  parse(text: string, limits: FrameLimits, sender: Sender): ClientFrame;
}

/** The socket behind a session. `write` never blocks and never throws, and gives the bytes that were still waiting before these. */
export interface Transport<B> {
  write(bytes: B): number;
  /** Stops and goes on reading: how a session that sends too much is slowed. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}
