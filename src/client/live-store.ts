import { toWire } from '../protocol/index.ts';
import { pkOf } from './rows.ts';
import type {
  AnyApp,
  AnyStream,
  AppTypes,
  BindingStream,
  BindingTypes,
  Client,
  Current,
  DataOf,
  ParamsOf,
  PendingWrite,
  Pk,
  Status,
  StreamName,
  Streams,
} from './types.ts';

/** What every framework's hooks stand on: something to look at, and somebody to be told by. */
export interface LiveStore<S> {
  /** Two stores of one client with the same key show the same. */
  readonly key: string;
  /** Asks the server from the first of them on until the last of them has gone. Returns the way to stop. */
  subscribe(this: void, changed: () => void): () => void;
  /** The same object until something of it changes. A look alone asks for nothing. */
  getSnapshot(this: void): S;
}

/** The streams of an endpoint that are bound to a table. */
export type BoundName<App extends AppTypes> = {
  [N in StreamName<App>]: Streams<App>[N] extends BindingTypes ? N : never;
}[StreamName<App>];
export type Bound<App extends AppTypes, N extends BoundName<App>> = Extract<Streams<App>[N], BindingTypes>;

/** Params of a view; null or `'skip'`: nothing is asked for yet. They are compared by value. */
export type Asked<T extends BindingTypes> =
  ([] extends ParamsOf<T> ? (ParamsOf<T> extends [] ? undefined : ParamsOf<T>[0]) : never) | null | 'skip';

/** What a view shows and takes. The methods are the same functions for as long as the view is the same. */
export type StreamView<T extends BindingTypes> = Omit<BindingStream<T>, 'current' | 'writable' | 'on' | 'close'>;

export interface Connection {
  readonly status: Status;
  readonly pending: readonly PendingWrite[];
}

type Row = DataOf<AnyStream>;
type Handle = BindingStream<AnyStream>;
/** What can be seen of a view by who has not joined it. */
type Look = Pick<Handle, 'current' | 'row'>;

/** One view of a client, by whatever name its params are written. */
interface View {
  readonly key: string;
  look(): Look;
  subscribe(changed: () => void): () => void;
  /** Works on a handle; where nobody is told, on one of its own until it has its answer: only who holds a view writes to it. */
  write<R>(work: (handle: Handle) => Promise<R>): Promise<R>;
}

const NO_ROWS: Current<never> = { rows: [], status: 'idle', progress: { count: 0, total: null } };
const NOTHING: View = {
  key: 'skip',
  look: () => ({ current: NO_ROWS, row: () => undefined }),
  subscribe: () => () => undefined,
  write: nothingAsked,
};

/**
 * A view's rows, as a store.
 *
 * @example
 * ```ts
 * const posts = liveStream(client, 'posts', { blogId: 7 })
 * const off = posts.subscribe(() => show(posts.getSnapshot().rows))
 * ```
 */
export function liveStream<App extends AppTypes, N extends BoundName<App>>(
  client: Client<App>,
  name: N,
  params?: Asked<Bound<App, N>>,
): LiveStore<StreamView<Bound<App, N>>> {
  const view = viewOf(client, name, params);
  const methods: Omit<StreamView<AnyStream>, keyof Current<Row>> = {
    row: (pk) => view.look().row(pk),
    pk: pkOf,
    create: (data, options) => view.write((handle) => handle.create(data, options)),
    update: (pk, data, options) => view.write((handle) => handle.update(pk, data, options)),
    delete: (pk, options) => view.write((handle) => handle.delete(pk, options)),
    optimistic: (pk, data, run) => view.write((handle) => handle.optimistic(pk, data, run)),
  };
  let seen: Current<Row> | undefined;
  let shown: StreamView<AnyStream> | undefined;
  const getSnapshot = (): StreamView<AnyStream> => {
    const { current } = view.look();
    if (shown && current === seen) return shown;
    const { rows, status, progress } = (seen = current);
    return (shown = { rows, status, progress, ...methods });
  };
  return { key: view.key, subscribe: view.subscribe, getSnapshot } satisfies LiveStore<StreamView<AnyStream>> as never;
}

/** One row of a view, or undefined while there is none. Who subscribes is told of that row alone. */
export function liveRow<App extends AppTypes, N extends BoundName<App>>(
  client: Client<App>,
  name: N,
  pk: Pk | null | undefined,
  params?: Asked<Bound<App, N>>,
): LiveStore<DataOf<Bound<App, N>> | undefined> {
  const view = pk === null || pk === undefined ? NOTHING : viewOf(client, name, params);
  const getSnapshot = (): Row | undefined => view.look().row(pk as Pk);
  return {
    key: view.key + JSON.stringify(toWire(pk)),
    getSnapshot,
    subscribe: (changed) => view.subscribe(onlyNew(getSnapshot, changed)),
  } satisfies LiveStore<Row | undefined> as never;
}

/** How the connection is, and what has no answer yet. */
export function liveConnection(client: Pick<Client, 'status' | 'pending' | 'on'>): LiveStore<Connection> {
  let shown: Connection | undefined;
  return {
    key: '',
    getSnapshot() {
      const { status, pending } = client;
      return shown?.status === status && shown.pending === pending ? shown : (shown = { status, pending });
    },
    subscribe(changed) {
      const offs = [client.on('status', changed), client.on('pending', changed)];
      return () => offs.forEach((off) => off());
    },
  };
}

/** Passes on that something changed where it changed what is looked at. */
export function onlyNew(look: () => unknown, changed: () => void): () => void {
  let last = look();
  return () => {
    const now = look();
    if (now === last) return;
    last = now;
    changed();
  };
}

interface Seat {
  readonly handle: Handle;
  taken: number;
}

// One handle for all stores of a view: a handle of its own would be told every row, for every component that shows one.
const SEATS = new WeakMap<object, Map<string, Seat>>();

function viewOf(to: object, name: string, params: object | null | undefined | 'skip'): View {
  if (params === null || params === 'skip') return NOTHING;
  const client = to as Client<AnyApp>;
  const given = params === undefined ? [] : ([params] as [never]);
  const key = keyOf(name, params);
  const seats = SEATS.get(client) ?? new Map<string, Seat>();
  SEATS.set(client, seats);
  return {
    key,
    look: () => seats.get(key)?.handle ?? client.peek(name, ...given),
    subscribe(changed) {
      const seat = seats.get(key) ?? { handle: client.stream(name, ...given), taken: 0 };
      seats.set(key, seat);
      seat.taken++;
      let off: (() => void) | null = seat.handle.on('current', changed);
      return () => {
        if (!off) return;
        off();
        off = null;
        if (--seat.taken > 0) return;
        seats.delete(key);
        seat.handle.close();
      };
    },
    write(work) {
      const seat = seats.get(key);
      if (seat) return work(seat.handle);
      const handle = client.stream(name, ...given);
      return work(handle).finally(() => handle.close());
    },
  };
}

function keyOf(name: string, params: object = {}): string {
  return JSON.stringify([name, Object.entries(toWire(params) as object).sort(([one], [other]) => (one < other ? -1 : 1))]);
}

function nothingAsked(): never {
  throw new TypeError('nothing is asked for: the params are null, so there is no view to write to');
}
