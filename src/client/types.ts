import type { Action, AnswerCode, BatchOk, Json, Key, Ok, Position, Refused, ResetReason } from '../protocol/index.ts';
import type { Kept } from './kept.ts';

/**
 * What an endpoint's type says about its streams. The server's `Endpoint` carries it in a member that never has a value, so a client is
 * typed by `import type` alone and nothing of the server is bundled.
 */
export interface AppTypes {
  readonly types?: { readonly streams: { readonly [name: string]: BindingTypes | ConsumerTypes | CommandTypes } };
}

/** A stream bound to a table. */
export interface BindingTypes {
  readonly row: object;
  readonly fields: string;
  readonly writable: string;
  readonly params: string;
  readonly insert: object;
  /** The key's columns, as far as the model's type tells them. */
  readonly key: string;
}

/** A stream of the app's own. */
export interface ConsumerTypes {
  readonly consumer: true;
}

/** A command of the app's own. */
export interface CommandTypes {
  readonly command: true;
  readonly input: unknown;
  readonly output: unknown;
}

/** The types of a client that names no endpoint: every stream may be there. */
export interface AnyApp extends AppTypes {
  readonly types?: { readonly streams: { readonly [name: string]: AnyStream } };
}

export interface AnyStream extends BindingTypes, ConsumerTypes, CommandTypes {
  readonly row: Readonly<Record<string, unknown>>;
  readonly insert: Readonly<Record<string, unknown>>;
}

export type Streams<App extends AppTypes> = NonNullable<App['types']>['streams'];
export type StreamName<App extends AppTypes> = keyof Streams<App> & string;
export type StreamOf<T> = (T extends BindingTypes ? BindingStream<T> : unknown) & (T extends ConsumerTypes ? ConsumerStream : unknown);

/** A browser has no Buffer: what the server's types call one arrives as a Uint8Array. */
type Plain<V> = V extends Uint8Array ? Uint8Array : V extends readonly Uint8Array[] ? readonly Uint8Array[] : V;
type Written<I, W> = { readonly [K in keyof Pick<I, W & keyof I>]: Plain<I[K]> };

/** A row as it arrives: the binding's `fields`, and its key's columns. */
export type DataOf<T extends BindingTypes> = { readonly [K in (T['fields'] | T['key']) & keyof T['row']]: Plain<T['row'][K]> };
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
    : [params?: { readonly [K in T['params'] & keyof T['row']]: T['row'][K] | readonly T['row'][K][] }]
  : T extends CommandTypes
    ? [thisIsNoStream: never]
    : [];

export type InputOf<T> = T extends CommandTypes ? T['input'] : never;
export type OutputOf<T> = T extends CommandTypes ? Wired<Awaited<T['output']>> : unknown;
/** What JSON makes of a value: what a command returns comes so. */
export type Wired<V> = V extends Date | bigint | Uint8Array
  ? string
  : V extends undefined | void
    ? null
    : V extends readonly (infer E)[]
      ? readonly Wired<E>[]
      : V extends object
        ? { readonly [K in keyof V]: Wired<V[K]> }
        : V;

/** A key as a program may hold it; a composite one is an array in the order of the key's columns. */
export type Pk = Key | KeyPart | readonly KeyPart[];
type KeyPart = string | number | boolean | bigint | Date | Uint8Array;

/** One change of one row. `pk` and `data` are all that a viewer may know: a delete has no data. */
export type Change<D = Readonly<Record<string, unknown>>> =
  | { readonly action: 'create' | 'update'; readonly pk: Key; readonly data: D }
  | { readonly action: 'delete'; readonly pk: Key; readonly data: null };

/** `closed`: the client was closed, or signed out, before the answer came, so it may have been applied or not. */
export type Refusal = Omit<Refused, 'code'> & { readonly code: AnswerCode | 'closed' };
/** What became of a write: where it is ok, `rows` has it by now, as the database does. */
export type Answer = Ok | Refusal;
/** What became of a batch. */
export type BatchAnswer = BatchOk | Refusal;
/** What became of a call, and what the command returned. */
export type CallAnswer<V = Json> = { readonly ok: true; readonly value: V } | Refusal;

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
  /** Of a write of this client's own that has no answer yet, or of one that was refused: the database knows nothing of it. */
  readonly local?: true;
  /** How far the view is with it. */
  readonly position: Position;
}

/**
 * `idle`: not asked for yet; until the first try to connect has ended, no view is. `syncing`: the first rows are on their way. `live`: the rows are the table's. `stale`: they were, and are read again,
 * or the server itself cannot read what is new. `offline`: there is no connection. `signed-out`: nor will there be one without other
 * credentials. `failed`: refused, taken away, or no server will have us.
 */
export type StreamStatus = 'idle' | 'syncing' | 'live' | 'stale' | 'offline' | 'failed' | 'signed-out';

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
  /** Anything of `current` is another: once for all that changed at once. */
  readonly current: void;
  readonly error: Complaint;
  /** Sent to this stream by the app. */
  readonly message: Json;
}

type On<Events> = <E extends keyof Events>(event: E, handler: (event: Events[E]) => void) => () => void;

/** What a handle shows: the same object until something of it changes. */
export interface Current<D> {
  /** In the order they came. The array and each row are the same objects until they change. */
  readonly rows: readonly D[];
  readonly status: StreamStatus;
  readonly progress: Progress;
}

export interface Peek<D> {
  readonly current: Current<D>;
  row(pk: Pk): D | undefined;
}

export interface CreateOptions {
  /**
   * What the row is called here until the server gives it a key; what is asked of it by that name, then or later, is asked of the row. Default: a key
   * of the client's own.
   */
  readonly pk?: Pk;
}

export interface WriteOptions<D> {
  /**
   * What the row must still be, else the write is refused as `conflict`, with the row as it is. `true`: the fields that are written, as this
   * client has them from the server; `not_found` where it has no such row from there yet.
   */
  readonly ifMatch?: true | Partial<D>;
}

/**
 * A view of a bound table: its rows, kept as the database has them, and this client's own writes on top of them until they are there too. Writes are
 * sent at once, or when there is a connection; they resolve to what became of them, a refusal included, and are applied once however often the
 * connection is lost meanwhile. They reject never.
 */
export interface BindingStream<T extends BindingTypes> extends Current<DataOf<T>> {
  readonly current: Current<DataOf<T>>;
  /** The fields that a client may write, as the server said it; none until it did. */
  readonly writable: readonly string[];
  row(pk: Pk): DataOf<T> | undefined;
  /** The key of one of the `rows`. One that is being created has a key of its own until the server gives it another. @throws {TypeError} for any other object, copies of rows included. */
  pk(row: DataOf<T>): Key;
  /** Returns the way to stop. */
  readonly on: On<StreamEvents<DataOf<T>>>;
  /**
   * Shows a row at once: with what the view's params say, with `data`, and with a key of its own in the key's columns (a text, where the server had not
   * been heard yet when it was made; before it is heard these columns are not there, as nobody knows their names: `pk(row)` gives the key at any time).
   */
  create(data: CreateOf<T>, options?: CreateOptions): Promise<Answer>;
  update(pk: Pk, data: UpdateOf<T>, options?: WriteOptions<DataOf<T>>): Promise<Answer>;
  delete(pk: Pk, options?: WriteOptions<DataOf<T>>): Promise<Answer>;
  /**
   * Shows a change that goes to the server by a way of the app's own, until what that way commits is here. `run` gets the receipt that the server
   * leaves in its transaction (`live.receipt(tx, id)`). Where it rejects, the change is taken back and this rejects with it; where it resolves to
   * something whose `ok` is `false`, as a `Response` of 400 or 500 is, the change is taken back and this resolves to it. Else the change goes when the
   * receipt is here, or 5 s after `run` resolved where none comes. `pk` null: a create; `data` null: a delete.
   *
   * @example
   * ```ts
   * await posts.optimistic(3, { title: 'New' }, (receipt) => fetch('/posts/3', { method: 'PATCH', headers: { 'x-receipt': receipt }, body }))
   * ```
   */
  optimistic<R>(pk: Pk | null, data: Partial<DataOf<T>> | null, run: (receipt: string) => Promise<R>): Promise<R>;
  /** No more events; the last one on a view unsubscribes after a moment. Writes on the way still get their answer. */
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

/** A write, a batch or a call that has no answer yet. */
export interface PendingWrite {
  readonly stream: string;
  /** `call`: a command. `batch`: several writes, of whichever streams. */
  readonly action: Action | 'batch' | 'call';
  readonly pk?: Key;
  readonly data?: Json;
  /** It is on its way; else it waits for a connection. */
  readonly sent: boolean;
  /** It was begun before this page was. */
  readonly kept: boolean;
}

export interface ClientEvents {
  readonly status: Status;
  /** Every {@link Complaint}, those of streams included. */
  readonly error: Complaint;
  /** A write, a batch or a call was refused, and what it showed is gone: once for each, also where nobody waits for the answer any more. */
  readonly refused: { readonly write: PendingWrite; readonly answer: Refusal };
  /** `pending` is another. */
  readonly pending: readonly PendingWrite[];
  /** The server runs another build than the one this page began with: it may be time to load the page again. */
  readonly outdated: { readonly from: string; readonly to: string };
  /** Sent to the connection as a whole by the app. */
  readonly message: Json;
}

/** A stream and its params, as data: `'posts'`, `['posts', { blogId: 7 }]`. */
export type ViewName<N extends string = string, T = AnyStream> = N | readonly [name: N, params?: ParamsOf<T>[0]];

export interface Client<App extends AppTypes = AnyApp> {
  readonly status: Status;
  readonly on: On<ClientEvents>;
  /** What has no answer yet, in the order it was asked for. */
  readonly pending: readonly PendingWrite[];
  /**
   * The stream, seen by the connection's own groups; with params, the view of those, or of each of a list. Several handles on one view share one
   * subscription.
   *
   * @example
   * ```ts
   * const posts = client.stream('posts', { blogId: 7 })
   * posts.on('commit', () => show(posts.rows, posts.status))
   * const answer = await posts.update(3, { title: 'New' })
   * ```
   */
  stream<N extends StreamName<App>>(name: N, ...params: ParamsOf<Streams<App>[N]>): StreamOf<Streams<App>[N]>;
  /** A look at a view that is held already, or was kept: nothing is asked for. Where there is none: no rows, `idle`. */
  peek<N extends StreamName<App>>(name: N, ...params: ParamsOf<Streams<App>[N]>): Peek<DataOf<Extract<Streams<App>[N], BindingTypes>>>;
  /**
   * All writes that `work` makes, of whichever streams, as one: all of them or none. Each is judged on the rows as they stand before the first, so a row that is made
   * in it cannot be named in it. Those of `work` resolve as the batch does.
   *
   * @example await client.batch(() => { posts.update(1, { place: 2 }); posts.update(2, { place: 1 }) })
   */
  batch(work: () => void): Promise<BatchAnswer>;
  /**
   * Runs a command of the app's own, once. `optimistic` makes the writes that show what it is going to do: they are never sent, and go when what it did
   * is here.
   *
   * @example await client.call('publish', { id: 3 }, { optimistic: () => posts.update(3, { published: true }) })
   */
  call<N extends StreamName<App>>(
    name: N,
    input: InputOf<Streams<App>[N]>,
    options?: { readonly optimistic?: () => void },
  ): Promise<CallAnswer<OutputOf<Streams<App>[N]>>>;
  /**
   * Rows of these views once they are all there, as plain data: for a page that is rendered on the server, which goes on from there. Rejects where one of
   * them is refused, or the client is closed or signed out, or becomes so.
   */
  snapshot<const N extends StreamName<App>>(views: readonly ViewName<N, Streams<App>[N]>[]): Promise<Kept>;
  /**
   * Drops the connection and makes a new one at once: after signing in, say. Where the server then says that it is another user's than the one before
   * (not nobody's before), that one's rows go, and their writes without an answer resolve to `closed` and are not sent.
   */
  reconnect(): void;
  /** Ends the connection and forgets this user: their rows, their writes that have no answer (they resolve to `closed`), and all that was kept. Then the app may `reconnect()`. */
  signOut(): Promise<void>;
  /** For good. Writes without an answer resolve to `closed`. What is kept stays kept. */
  close(): void;
}

/** What the slim client of `rowcast/client/core` has of the whole one: rows and writes. */
export interface CoreClient<App extends AppTypes = AnyApp> extends Pick<Client<App>, 'status' | 'batch' | 'reconnect' | 'close'> {
  readonly on: On<Omit<ClientEvents, 'pending'>>;
  /** The stream, seen by the connection's own groups; with params, the view of those. Several handles on one view share one subscription. */
  stream<N extends StreamName<App>>(name: N, ...params: OneOf<ParamsOf<Streams<App>[N]>>): StreamOf<Streams<App>[N]>;
  /** Runs a command of the app's own, once. */
  call<N extends StreamName<App>>(name: N, input: InputOf<Streams<App>[N]>): Promise<CallAnswer<OutputOf<Streams<App>[N]>>>;
}

/** Params without lists. */
type OneOf<Params extends readonly unknown[]> = {
  [At in keyof Params]: { readonly [K in keyof NonNullable<Params[At]>]: Exclude<NonNullable<Params[At]>[K], readonly unknown[]> };
};
