import type { AnswerCode, Json, Key, Ok, Refused, ResetReason } from '../protocol/index.ts';

/**
 * What an endpoint's type says about its streams. The server's `Endpoint` carries it in a member that never has a value, so a client is
 * typed by `import type` alone and nothing of the server is bundled.
 */
export interface AppTypes {
  readonly types?: { readonly streams: { readonly [name: string]: BindingTypes | ConsumerTypes } };
}

/** A stream bound to a table. */
export interface BindingTypes {
  readonly row: object;
  readonly fields: string;
  readonly writable: string;
  readonly params: string;
  readonly insert: object;
}

/** A stream of the app's own. */
export interface ConsumerTypes {
  readonly consumer: true;
}

/** The types of a client that names no endpoint: every stream may be there. */
export interface AnyApp extends AppTypes {
  readonly types?: { readonly streams: { readonly [name: string]: AnyStream } };
}

export interface AnyStream extends BindingTypes, ConsumerTypes {
  readonly row: Readonly<Record<string, unknown>>;
  readonly insert: Readonly<Record<string, unknown>>;
}

export type Streams<App extends AppTypes> = NonNullable<App['types']>['streams'];
export type StreamName<App extends AppTypes> = keyof Streams<App> & string;
export type StreamOf<T> = (T extends BindingTypes ? BindingStream<T> : unknown) & (T extends ConsumerTypes ? ConsumerStream : unknown);

/** A browser has no Buffer: what the server's types call one arrives as a Uint8Array. */
type Plain<V> = V extends Uint8Array ? Uint8Array : V extends readonly Uint8Array[] ? readonly Uint8Array[] : V;
type Written<I, W> = { readonly [K in keyof Pick<I, W & keyof I>]: Plain<I[K]> };

/** A row as it arrives: the binding's `fields`. */
export type DataOf<T extends BindingTypes> = { readonly [K in T['fields'] & keyof T['row']]: Plain<T['row'][K]> };
/** What a create takes: the columns of `groupBy` may be left out, they come from the params. */
export type CreateOf<T extends BindingTypes> = IfWritable<
  T,
  Written<T['insert'], Exclude<T['writable'], T['params']>> & Partial<Written<T['insert'], T['writable'] & T['params']>>
>;
export type UpdateOf<T extends BindingTypes> = IfWritable<T, Partial<Written<T['insert'], T['writable']>>>;
/** An object type without members would take any. */
type IfWritable<T extends BindingTypes, Fields> = [T['writable']] extends [never] ? Readonly<Record<string, never>> : Fields;
export type ParamsOf<T> = T extends BindingTypes
  ? [T['params']] extends [never]
    ? []
    : [params?: { readonly [K in T['params'] & keyof T['row']]: T['row'][K] }]
  : [];

/** A key as a program may hold it; a composite one is an array in the order of the key's columns. */
export type Pk = Key | KeyPart | readonly KeyPart[];
type KeyPart = string | number | boolean | bigint | Date | Uint8Array;

/** One change of one row. `pk` and `data` are all that a viewer may know: a delete has no data. */
export type Change<D = Readonly<Record<string, unknown>>> =
  | { readonly action: 'create' | 'update'; readonly pk: Key; readonly data: D }
  | { readonly action: 'delete'; readonly pk: Key; readonly data: null };

/** What became of a write. `closed`: the client was closed before the answer came, so it may have been applied or not. */
export type Answer = Ok | (Omit<Refused, 'code'> & { readonly code: AnswerCode | 'closed' });

/** Something this client sent was refused and no promise could say so. */
export interface Complaint {
  readonly code: AnswerCode;
  readonly message: string;
  /** The stream it is about, where it is about one. */
  readonly stream?: string;
}

/** What became visible at once. */
export interface Commit<D = Readonly<Record<string, unknown>>> {
  readonly changes: readonly Change<D>[];
  /** The net changes of several commits, or what rows that were read differ in from those that were there. */
  readonly merged: boolean;
}

/**
 * `idle`: not asked for yet. `syncing`: the first rows are on their way. `live`: the rows are the table's. `stale`: they were, and the connection
 * is lost, or they are read again, or the server itself cannot read what is new. `failed`: refused, taken away, or no server will have us.
 */
export type StreamStatus = 'idle' | 'syncing' | 'live' | 'stale' | 'failed';

/** Rows that have come while they are read; `total` is null until it is known. */
export interface Progress {
  readonly count: number;
  readonly total: number | null;
}

/**
 * What a handle is told, once all of it can be seen in `rows`, those of other streams included. The changes that one handle is told make its
 * rows from nothing: those that were there before it are told it as `create`.
 */
export interface StreamEvents<D> {
  readonly create: Extract<Change<D>, { action: 'create' | 'update' }>;
  readonly update: Extract<Change<D>, { action: 'create' | 'update' }>;
  readonly delete: Extract<Change<D>, { action: 'delete' }>;
  /** Each of the three. */
  readonly change: Change<D>;
  /** All changes of one commit, after each of them has been told. */
  readonly commit: Commit<D>;
  /** The rows are read again, for this reason. What is shown stays until `ready`; what then differs is told as changes. */
  readonly reset: ResetReason;
  /** The rows are the table's from here on: the first time, after a `reset`, after every reconnect. */
  readonly ready: void;
  readonly progress: Progress;
  readonly status: StreamStatus;
  readonly error: Complaint;
  /** Sent to this stream by the app. */
  readonly message: Json;
}

type On<Events> = <E extends keyof Events>(event: E, handler: (event: Events[E]) => void) => () => void;

/**
 * A view of a bound table: its rows, kept as the database has them. Writes are sent at once, or when there is a connection; they resolve to what became of them, a refusal
 * included, and are applied once however often the connection is lost meanwhile. They reject never.
 */
export interface BindingStream<T extends BindingTypes> {
  /** In the order they came. The array and each row are the same objects until a commit changes them. */
  readonly rows: readonly DataOf<T>[];
  readonly status: StreamStatus;
  readonly progress: Progress;
  row(pk: Pk): DataOf<T> | undefined;
  /** The key of one of the `rows`. @throws {TypeError} for any other object, copies of rows included. */
  pk(row: DataOf<T>): Key;
  /** Returns the way to stop. */
  readonly on: On<StreamEvents<DataOf<T>>>;
  create(data: CreateOf<T>): Promise<Answer>;
  update(pk: Pk, data: UpdateOf<T>): Promise<Answer>;
  delete(pk: Pk): Promise<Answer>;
  /** No more events; the last one on a view unsubscribes. Writes on the way still get their answer. */
  close(): void;
}

/** A stream of the app's own. */
export interface ConsumerStream {
  readonly on: On<Pick<StreamEvents<never>, 'message' | 'ready' | 'status' | 'error'>>;
  /** Waits for a connection, and is lost when that connection is. */
  send(payload: unknown): void;
  close(): void;
}

/**
 * `connecting` until the server's first frame, then `open`; `waiting` between two tries. `signed-out`: the server wants other credentials,
 * `reconnect()` when there are some. `failed`: the server said not to come back. `closed` by {@link Client.close}.
 */
export type Status = 'connecting' | 'open' | 'waiting' | 'signed-out' | 'failed' | 'closed';

export interface ClientEvents {
  readonly status: Status;
  /** Every {@link Complaint}, those of streams included. */
  readonly error: Complaint;
  /** Sent to the connection as a whole by the app. */
  readonly message: Json;
}

export interface Client<App extends AppTypes = AnyApp> {
  readonly status: Status;
  readonly on: On<ClientEvents>;
  /**
   * The stream, seen by the connection's own groups; with params, the view of those. Several handles on one view share one subscription.
   *
   * @example
   * ```ts
   * const posts = client.stream('posts', { blogId: 7 })
   * posts.on('commit', () => show(posts.rows, posts.status))
   * const answer = await posts.update(3, { title: 'New' })
   * ```
   */
  stream<N extends StreamName<App>>(name: N, ...params: ParamsOf<Streams<App>[N]>): StreamOf<Streams<App>[N]>;
  /** Drops the connection and makes a new one at once: after signing in as somebody else, say. */
  reconnect(): void;
  /** For good. Writes without an answer resolve to `closed`. */
  close(): void;
}
