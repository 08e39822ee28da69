import type { CollectionConfig } from '@tanstack/db';
import type {
  Answer,
  AppTypes,
  BindingTypes,
  Bound,
  BoundName,
  Change,
  Client,
  DataOf,
  ParamsOf,
  Pk,
  Streams,
  StreamStatus,
} from '../client/index.ts';
import { outlets, send, type Mutation } from './send.ts';

/** As TanStack DB has it: a text for keys of several columns, and for those that are neither text nor number. */
export type CollectionKey = string | number;

type Row<App extends AppTypes, N extends BoundName<App>> = DataOf<Bound<App, N>>;
type Passed = 'id' | 'gcTime' | 'startSync' | 'autoIndex' | 'defaultIndexType' | 'compare';

export type RowcastCollectionConfig<App extends AppTypes, N extends BoundName<App>> = Pick<
  CollectionConfig<Row<App, N>, CollectionKey, never>,
  Passed
> & {
  readonly client: Client<App>;
  readonly stream: N;
  /** The view, as in `client.stream(stream, params)`. */
  readonly params?: ParamsOf<Streams<App>[N]>[0];
} & KeyOption<Bound<App, N>>;

/** What a row's key is. Left out: `id`. Where the model's type does not tell it, any of the row's columns may be named. */
type KeyOption<T extends BindingTypes> = [T['key']] extends [never]
  ? { readonly key?: KeyColumns<keyof T['row'] & string> }
  : [T['key']] extends ['id']
    ? { readonly key?: 'id' }
    : { readonly key: KeyColumns<T['key']> };
/** Several: in the order in which the table's key has them. */
type KeyColumns<K extends string> = K | readonly K[];

/**
 * Options for a TanStack DB collection that shows a stream's rows and writes to it: `createCollection(rowcastCollectionOptions({ … }))`.
 *
 * The collection is what `client.stream(stream, params)` shows: whole commits, and no moment without a row while it is saved. An insert
 * takes a whole row, with a key of its own and a guess at what the server sets; what may be written of it is sent, and the server's row takes
 * its place. A change is done when the collection shows it; one that is refused fails with `WriteRefused` and is taken back.
 *
 * @example
 * ```ts
 * const posts = createCollection(rowcastCollectionOptions({ client, stream: 'posts', params: { blogId: 7 } }))
 * const saved = posts.update(3, (post) => void (post.title = 'New'))
 * await saved.when('settled')
 * ```
 */
export function rowcastCollectionOptions<App extends AppTypes, N extends BoundName<App>>(
  config: RowcastCollectionConfig<App, N>,
): CollectionConfig<Row<App, N>, CollectionKey, never> & { schema?: never } {
  const { client, stream, params, key = 'id', ...passed } = config as unknown as Loose;
  const columns = typeof key === 'string' ? [key] : key;
  const placed = Object.entries(params ?? {}).flatMap(([name, value]) => (new Set([value].flat()).size > 1 ? [name] : []));
  const handler = ({ transaction }: { readonly transaction: { readonly mutations: readonly Mutation[] } }): Promise<void> =>
    send(client, transaction.mutations);
  return {
    ...passed,
    getKey: (row) => keyOf(row, columns),
    sync: { rowUpdateMode: 'full', sync: (run) => follow(client.stream(stream, ...(params ? [params] : [])), { columns, placed }, run) },
    onInsert: handler,
    onUpdate: handler,
    onDelete: handler,
  } satisfies AnyConfig as never;
}

type AnyRow = Readonly<Record<string, unknown>>;
type AnyConfig = CollectionConfig<AnyRow, CollectionKey, never>;
type Run = Parameters<AnyConfig['sync']['sync']>[0];
type Handle = ReturnType<Client['stream']>;

interface Loose extends Pick<AnyConfig, Passed> {
  readonly client: Client;
  readonly stream: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly key?: KeyColumns<string>;
}

/** What a collection's metadata has the position of its rows under. */
const CURSOR = 'rowcast:position';

interface Shape {
  /** Of the key. */
  readonly columns: readonly string[];
  /** Those that say in which of several views a row is made. */
  readonly placed: readonly string[];
}

/** Shows a handle in a collection until what it returns is called. */
function follow(handle: Handle, { columns, placed }: Shape, run: Run): () => void {
  const { begin, write, commit, markReady, markError, metadata, collection } = run;
  const changes: Change<AnyRow>[] = [];
  /** By the row's own key, which is all that a delete has. */
  const keys = new Map<string, CollectionKey>();
  let learn = (): void => undefined;
  const known = new Promise<void>((resolve) => (learn = resolve));
  outlets.set(collection, { known, write: (mutation) => save(handle, { columns, placed }, mutation) });

  const apply = ({ action, pk, data }: Change<AnyRow>): void => {
    const name = JSON.stringify(pk);
    const key = keys.get(name);
    if (action !== 'delete') {
      keys.set(name, keyOf(data, columns));
      write({ type: key === undefined ? 'insert' : 'update', value: data });
    } else if (key !== undefined) {
      keys.delete(name);
      write({ type: 'delete', key });
    }
  };
  const look = (): void => {
    if (handle.writable.length > 0 || !UNKNOWN.includes(handle.status)) learn();
  };
  const ready = (): void => {
    if (!UNREADY.includes(handle.status)) markReady();
  };

  handle.on('change', (change) => void changes.push(change));
  // Of several views the first tells, and has the changes of all of them.
  handle.on('commit', ({ position, local }) => {
    const told = changes.splice(0);
    if (told.some(({ pk, data }) => data && !isKey(pk, data, columns))) {
      handle.close();
      return markError(
        new TypeError(`key: the stream's rows have another one than [${columns.join(', ')}]: name its columns, in its order`),
      );
    }
    if (told.length === 0) return;
    begin();
    for (const change of told) apply(change);
    metadata?.collection.set(CURSOR, position);
    void commit();
    if (!local) ready();
  });
  handle.on('ready', ready);
  handle.on('current', look);
  handle.on('error', (complaint) => {
    if (handle.status === 'failed') markError(new Error(complaint.message, { cause: complaint }));
  });
  return () => {
    handle.close();
    learn();
  };
}

const UNREADY: readonly StreamStatus[] = ['idle', 'syncing', 'failed', 'signed-out'];
const UNKNOWN: readonly StreamStatus[] = ['idle', 'syncing', 'offline', 'signed-out'];

function save(handle: Handle, { columns, placed }: Shape, { type, original, modified, changes }: Mutation): Promise<Answer> {
  switch (type) {
    case 'insert': {
      const taken = [...handle.writable, ...placed];
      const data = Object.fromEntries(Object.entries(modified).filter(([name]) => taken.includes(name)));
      return handle.create(data, { pk: pkOf(modified, columns) });
    }
    case 'update':
      return handle.update(pkOf(original, columns), changes);
    case 'delete':
      return handle.delete(pkOf(original, columns));
  }
}

function pkOf(row: AnyRow, columns: readonly string[]): Pk {
  const parts = columns.map((name) => row[name]) as Extract<Pk, readonly unknown[]>;
  return parts.length > 1 ? parts : (parts[0] as Pk);
}

function keyOf(row: AnyRow, columns: readonly string[]): CollectionKey {
  const parts = columns.map((name) => row[name]);
  if (parts.length > 1) return JSON.stringify(parts.map(textOf));
  const [key] = parts;
  return typeof key === 'number' ? key : textOf(key);
}

/** Undefined is left to TanStack, which says which row has no key. */
function textOf(part: unknown): string {
  return part instanceof Date ? part.toISOString() : part === undefined ? (part as never) : String(part);
}

function isKey(pk: Change['pk'], row: AnyRow, columns: readonly string[]): boolean {
  const parts: readonly unknown[] = Array.isArray(pk) ? pk : [pk];
  // A moment's text is finer than its Date, and bytes have another one.
  return (
    parts.length === columns.length && columns.every((name, at) => typeof row[name] === 'object' || String(row[name]) === String(parts[at]))
  );
}
