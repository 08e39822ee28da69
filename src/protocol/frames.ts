import type { AnswerCode, BatchOk, CallOk, Key, Ok, Refused } from './answers.ts';
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

/** What one write says. */
export interface WriteBody {
  readonly stream: string;
  readonly action: Action;
  /** The row: for update and delete. */
  readonly pk?: Key;
  /** The fields: for create and update. */
  readonly data?: Data;
  /** The params of the view the write was made in: a created row takes its `groupBy` columns from them. */
  readonly params?: Params;
  /** What the row must still be, of what the client sees of it: for update and delete. Else `conflict`, with the row as it is. */
  readonly if?: Data;
}

/** What every frame that is done once and answered once begins with. */
export interface Asked {
  /** A positive integer, never used twice by one client but for asking again. */
  readonly id: number;
  /** The client this was first asked by, where that is not the one of `hello`: a page that was closed before it had the answer. */
  readonly client?: string;
}

export interface WriteFrame extends Asked, WriteBody {
  readonly type: 'write';
}

/** Several writes: all of them or none. Each is judged on the rows as they stand before the first. */
export interface BatchFrame extends Asked {
  readonly type: 'batch';
  readonly writes: readonly WriteBody[];
}

/** A command of the app's own. */
export interface CallFrame extends Asked {
  readonly type: 'call';
  readonly stream: string;
  readonly input: Json;
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

export type ClientFrame =
  HelloFrame | SubscribeFrame | UnsubscribeFrame | WriteFrame | BatchFrame | CallFrame | SendFrame | AtFrame | RefreshFrame;

// server → client

export interface StreamInfo {
  /** The view a client is in by its connection groups alone. */
  readonly view: number;
  /** The key's columns, in order: a row has them under their own names, whether they are among the fields or not. */
  readonly key: readonly (readonly [name: string, kind: FieldKind])[];
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly writable: readonly string[];
}

export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly session: string;
  readonly epoch: string;
  readonly position: Position;
  /** Who this is, as far as what a client keeps for later is theirs: opaque, the same for one user on every connection; null: nobody in particular. */
  readonly user: string | null;
  /** What the server runs: another than before means that a page may be older than its server. */
  readonly build: string;
  /** Seconds between two pings: whoever hears nothing for much longer has no connection any more. */
  readonly heartbeat: number;
  /** The bindings offered here by name, and the app's own consumers and commands as `null`. */
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

/** What became of a write, a batch or a call. With a position: what it did is told next, and everything of this connection reaches that position. */
export type ResultFrame = Asked &
  (((Ok | BatchOk | CallOk) & { readonly type: 'result'; readonly position?: Position }) | (Refused & { readonly type: 'result' }));

/** What this client did is in the log there: a write that was answered without a position, or a receipt that the app left for it. */
export interface SeenFrame extends Asked {
  readonly type: 'seen';
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
