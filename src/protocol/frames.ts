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
  /** Left out, or empty: the view by the connection's own groups. */
  readonly params?: Params;
  /** What the client has of this view: everything up to this position, by an earlier connection. */
  readonly at?: Position;
  /** The last one that `ready` gave for this view: what shows that `at` may be gone on from. */
  readonly token?: string;
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

/** Everything that came before the ping with this mark has been taken in. */
export interface AtFrame {
  readonly type: 'at';
  readonly mark: number;
}

/** Newer credentials, before the old ones run out. */
export interface RefreshFrame {
  readonly type: 'refresh';
  readonly id: number;
  readonly token: string;
}

export type ClientFrame = HelloFrame | SubscribeFrame | UnsubscribeFrame | WriteFrame | SendFrame | AtFrame | RefreshFrame;

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
  /** Seconds between two pings: whoever hears nothing for much longer has no connection any more. */
  readonly heartbeat: number;
  /** The bindings offered here by name, and the app's own consumers as `null`. */
  readonly streams: Readonly<Record<string, StreamInfo | null>>;
}

export interface SubscribedFrame {
  readonly type: 'subscribed';
  readonly id: number;
  readonly view: number;
}

/** Rows of a view as they were at one moment: some of them, the others follow. */
export interface RowsFrame {
  readonly type: 'rows';
  readonly view: number;
  readonly rows: readonly (readonly [pk: Key, data: Data])[];
  /** Those that have been sent, these included. */
  readonly count: number;
  /** Those that there are; null: not known yet. */
  readonly total: number | null;
}

/** The client's rows of this view are those of `position`. */
export interface ReadyFrame {
  readonly type: 'ready';
  readonly view: number;
  readonly position: Position;
  readonly token: string;
}

export type WireChange =
  readonly [view: number, action: 'create' | 'update', pk: Key, data: Data] | readonly [view: number, action: 'delete', pk: Key];

export interface CommitFrame {
  readonly type: 'commit';
  readonly position: Position;
  readonly changes: readonly WireChange[];
  /** Several commits in one: their net changes. */
  readonly merged?: true;
  /** Only a part: more of this commit follows, and it is one commit with that. */
  readonly more?: true;
}

/** Why the rows of a view have to be read again. The list is closed. */
export type ResetReason =
  | 'truncate'
  | 'schema'
  | 'serializer'
  | 'bulk'
  | 'retention'
  | 'slot_lost'
  | 'slot_replaced'
  | 'publication_changed'
  | 'timeline'
  | 'backplane_loss'
  | 'permission_changed'
  | 'membership'
  | 'bindings'
  | 'token_invalid';

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

/** The server took a view away. */
export interface DroppedFrame {
  readonly type: 'dropped';
  readonly view: number;
  readonly position: Position;
  readonly code: AnswerCode;
  readonly message: string;
}

export interface PingFrame {
  readonly type: 'ping';
  /** Everything up to there has been sent, on all views that are ready. Left out: this connection is behind. */
  readonly position?: Position;
  /** For how many seconds the server itself has not been able to read the log. */
  readonly stale?: number;
  /** To be answered at once, by `at`: how the server learns how far the client is. */
  readonly mark?: number;
}

/** The credentials run out in so many seconds. */
export interface ExpiringFrame {
  readonly type: 'expiring';
  readonly seconds: number;
}

export interface RefreshedFrame {
  readonly type: 'refreshed';
  readonly id: number;
}

/** The connection is about to be closed; the client comes back after so many milliseconds. */
export interface GoingFrame {
  readonly type: 'going';
  readonly retryMs: number;
}

export type ServerFrame =
  | WelcomeFrame
  | SubscribedFrame
  | RowsFrame
  | ReadyFrame
  | CommitFrame
  | ResetFrame
  | DroppedFrame
  | ResultFrame
  | SeenFrame
  | MessageFrame
  | ErrorFrame
  | PingFrame
  | ExpiringFrame
  | RefreshedFrame
  | GoingFrame;
