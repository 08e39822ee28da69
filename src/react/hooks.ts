import { createContext, createElement, useContext, useState, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import {
  draftOf,
  liveConnection,
  liveRow,
  liveStream,
  type AnyApp,
  type AppTypes,
  type Asked,
  type Bound,
  type BoundName,
  type Client,
  type Connection,
  type DataOf,
  type Draft,
  type LiveStore,
  type Pk,
  type StreamView,
} from '../client/index.ts';
import { firstRows, unread } from './first-rows.ts';

export interface StreamOptions {
  /** Suspends until the rows are there for the first time. */
  readonly suspense?: boolean;
}

export interface Hooks<App extends AppTypes> {
  /** Gives the client to everything below it. On a server: one client for each render. */
  readonly LiveProvider: (props: { readonly client: Client<App>; readonly children?: ReactNode }) => ReactElement;
  /** The client of the provider above. @throws {TypeError} where there is none. */
  readonly useClient: () => Client<App>;
  /** A view's rows and the ways to write to it. Params are compared by value; null or `'skip'`: nothing is asked for. */
  readonly useStream: <N extends BoundName<App>>(
    name: N,
    params?: Asked<Bound<App, N>>,
    options?: StreamOptions,
  ) => StreamView<Bound<App, N>>;
  /** One row of a view: renders again when that row changes, and for no other. */
  readonly useRow: <N extends BoundName<App>>(
    name: N,
    pk: Pk | null | undefined,
    params?: Asked<Bound<App, N>>,
  ) => DataOf<Bound<App, N>> | undefined;
  /** A row in a form; without a key, a new one. */
  readonly useDraft: <N extends BoundName<App>>(name: N, pk: Pk | null | undefined, params?: Asked<Bound<App, N>>) => Draft<Bound<App, N>>;
  /** How the connection is, and what has no answer yet. */
  readonly useConnection: () => Connection;
}

/**
 * The hooks of one endpoint, typed by it. For React 18 and 19.
 *
 * @example
 * ```tsx
 * const { LiveProvider, useStream } = createHooks<typeof app>()
 *
 * function Posts({ blogId }: { blogId: number }) {
 *   const posts = useStream('posts', { blogId })
 *   return posts.rows.map((post) => <input key={post.id} value={post.title} onChange={(e) => posts.update(post.id, { title: e.target.value })} />)
 * }
 * ```
 */
export function createHooks<App extends AppTypes = AnyApp>(): Hooks<App> {
  const Context = createContext<Client<App> | null>(null);

  const useClient = (): Client<App> => {
    const client = useContext(Context);
    if (!client) throw new TypeError('no client here: put <LiveProvider client={…}> around what uses it');
    return client;
  };

  // Kept as state, not as a memo: React may forget a memo, and a draft with it.
  const useStore = <S>(make: (client: Client<App>) => LiveStore<S>): LiveStore<S> => {
    const client = useClient();
    const [held, hold] = useState(() => ({ client, store: make(client) }));
    const next = make(client);
    if (held.client === client && held.store.key === next.key) return held.store;
    hold({ client, store: next });
    return next;
  };

  const useLive = <S>(make: (client: Client<App>) => LiveStore<S>): S => {
    const { subscribe, getSnapshot } = useStore(make);
    return useSyncExternalStore(subscribe, getSnapshot, getSnapshot);
  };

  return {
    LiveProvider: ({ client, children }) => createElement(Context.Provider, { value: client }, children),
    useClient,
    useStream(name, params, { suspense = false } = {}) {
      const client = useClient();
      const store = useStore(() => liveStream(client, name, params));
      const view = useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
      if (suspense && params !== null && params !== 'skip' && unread(view)) throw firstRows(client, store);
      return view;
    },
    useRow: (name, pk, params) => useLive((client) => liveRow(client, name, pk, params)),
    useDraft: (name, pk, params) => useLive((client) => draftOf(liveStream(client, name, params), pk)),
    useConnection: () => useLive(liveConnection),
  };
}
