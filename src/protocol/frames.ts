import type { AnswerCode, Key } from './answers.ts';
import type { FieldKind, Json } from './values.ts';

/** The WebSocket subprotocol. PROTOCOL.md is its law; `wire.lock.test.ts` ties this file to it. */
export const SUBPROTOCOL = 'rowcast.1';

export type Action = 'create' | 'update' | 'delete';
export type Position = string;
export type Params = Readonly<Record<string, Json>>;
export type Data = Readonly<Record<string, Json>>;

// client → server

export interface HelloFrame {
  readonly type: 'hello';
  /** Names this client over reconnects: 8 to 64 of `A-Z a-z 0-9 _ -`, unguessable. With a write's id it makes the write apply once. */
  readonly client: string;
}

export interface SubscribeFrame {
  readonly type: 'subscribe';
  readonly id: number;
  readonly stream: string;
  readonly params: Params;
}

export interface UnsubscribeFrame {
  readonly type: 'unsubscribe';
  readonly view: number;
}

export interface WriteFrame {
  readonly type: 'write';
  /** A positive integer, never used twice by one client but for asking again. */
  readonly id: number;
  readonly stream: string;
  readonly action: Action;
  /** The row: for update and delete. */
  readonly pk?: Key;
  /** The fields: for create and update. */
  readonly data?: Data;
  /** The params of the view the write was made in: a created row takes its `groupBy` columns from them. */
  readonly params?: Params;
}

export interface SendFrame {
  readonly type: 'message';
  readonly stream: string;
  readonly payload: Json;
}

export type ClientFrame = HelloFrame | SubscribeFrame | UnsubscribeFrame | WriteFrame | SendFrame;

// server → client

export interface StreamInfo {
  /** The view a client is in by its connection groups alone. */
  readonly view: number;
  readonly key: readonly string[];
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly writable: readonly string[];
}

export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly session: string;
  readonly epoch: string;
  readonly position: Position;
  /** The bindings offered here by name, and the app's own consumers as `null`. */
  readonly streams: Readonly<Record<string, StreamInfo | null>>;
}

export interface SubscribedFrame {
  readonly type: 'subscribed';
  readonly id: number;
  readonly view: number;
  readonly position: Position;
}

export type WireChange =
  readonly [view: number, action: 'create' | 'update', pk: Key, data: Data] | readonly [view: number, action: 'delete', pk: Key];

export interface CommitFrame {
  readonly type: 'commit';
  readonly position: Position;
  readonly changes: readonly WireChange[];
}

export type ResetReason = 'truncate' | 'serializer' | 'schema' | 'source';

export interface ResetFrame {
  readonly type: 'reset';
  readonly position: Position;
  readonly views: readonly number[];
  readonly reason: ResetReason;
}

export type ResultFrame =
  | { readonly type: 'result'; readonly id: number; readonly ok: true; readonly pk: Key; readonly position?: Position }
  | {
      readonly type: 'result';
      readonly id: number;
      readonly ok: false;
      readonly code: AnswerCode;
      readonly message: string;
      readonly fields?: Readonly<Record<string, string>>;
    };

export interface SeenFrame {
  readonly type: 'seen';
  readonly id: number;
  readonly position: Position;
}

export interface MessageFrame {
  readonly type: 'message';
  /** `null`: from the app to the connection as a whole. */
  readonly stream: string | null;
  readonly payload: Json;
}

export interface ErrorFrame {
  readonly type: 'error';
  readonly code: AnswerCode;
  readonly message: string;
  /** The frame it answers, when that frame had an id. */
  readonly id?: number;
}

export interface PingFrame {
  readonly type: 'ping';
}

export type ServerFrame =
  WelcomeFrame | SubscribedFrame | CommitFrame | ResetFrame | ResultFrame | SeenFrame | MessageFrame | ErrorFrame | PingFrame;
