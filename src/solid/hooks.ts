import {
  createComponent,
  createContext,
  createEffect,
  createMemo,
  createSignal,
  onCleanup,
  untrack,
  useContext,
  type Accessor,
  type JSX,
} from 'solid-js';
import {
  draftOf,
  formOf,
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

/** A value, or an accessor of one. */
export type Given<V> = V | Accessor<V>;

/** What is shown, as accessors; the methods as they are. */
export type Accessors<S> = { readonly [K in keyof S]: S[K] extends (...args: never[]) => unknown ? S[K] : Accessor<S[K]> };

/** `values` is an object to read and to assign to: `values.title`. */
export type DraftAccessors<D extends { readonly values: unknown }> = Omit<Accessors<D>, 'values'> & {
  readonly values: { -readonly [F in keyof D['values']]: D['values'][F] };
};

export interface Hooks<App extends AppTypes> {
  /** Gives the client to everything below it. On a server: one client for each render. */
  readonly LiveProvider: (props: { readonly client: Client<App>; readonly children?: JSX.Element }) => JSX.Element;
  /** The client of the provider above. @throws {TypeError} where there is none. */
  readonly useClient: () => Client<App>;
  /** A view's rows and the ways to write to it. Params are a value or an accessor, compared by value; null or `'skip'`: nothing is asked for. */
  readonly useStream: <N extends BoundName<App>>(name: N, params?: Given<Asked<Bound<App, N>>>) => Accessors<StreamView<Bound<App, N>>>;
  /** One row of a view: changes when that row does, and with no other. */
  readonly useRow: <N extends BoundName<App>>(
    name: N,
    pk: Given<Pk | null | undefined>,
    params?: Given<Asked<Bound<App, N>>>,
  ) => Accessor<DataOf<Bound<App, N>> | undefined>;
  /** A row in a form; without a key, a new one. */
  readonly useDraft: <N extends BoundName<App>>(
    name: N,
    pk: Given<Pk | null | undefined>,
    params?: Given<Asked<Bound<App, N>>>,
  ) => DraftAccessors<Draft<Bound<App, N>>>;
  /** How the connection is, and what has no answer yet. */
  readonly useConnection: () => Accessors<Connection>;
}

/**
 * The hooks of one endpoint, typed by it.
 *
 * @example
 * ```tsx
 * const { LiveProvider, useStream } = createHooks<typeof app>()
 *
 * function Posts(props: { blogId: number }) {
 *   const { rows, update } = useStream('posts', () => ({ blogId: props.blogId }))
 *   return <For each={rows()}>{(post) => <button onClick={() => update(post.id, { title: 'New' })}>{post.title}</button>}</For>
 * }
 * ```
 */
export function createHooks<App extends AppTypes = AnyApp>(): Hooks<App> {
  const Context = createContext<Client<App>>();

  const useClient = (): Client<App> => {
    const client = useContext(Context);
    if (!client) throw new TypeError('no client here: put <LiveProvider client={…}> around what uses it');
    return client;
  };

  const live = <S>(make: (client: Client<App>) => LiveStore<S>): Accessor<S> => {
    const client = useClient();
    return follow(() => make(client));
  };

  return {
    LiveProvider: (props) =>
      createComponent(Context.Provider, {
        value: props.client,
        get children() {
          return props.children;
        },
      }),
    useClient,
    useStream: (name, params) => accessorsOf(live((client) => liveStream(client, name, given(params)))),
    useRow: (name, pk, params) => live((client) => liveRow(client, name, given(pk), given(params))),
    useDraft(name, pk, params) {
      const draft = live((client) => draftOf(liveStream(client, name, given(params)), given(pk)));
      return { ...accessorsOf(draft), values: formOf(draft) } as never;
    },
    useConnection: () => accessorsOf(live(liveConnection)),
  };
}

function given<V>(value: Given<V>): V {
  return typeof value === 'function' ? (value as Accessor<V>)() : value;
}

function follow<S>(make: () => LiveStore<S>): Accessor<S> {
  const store = createMemo<LiveStore<S>>((held) => {
    const next = make();
    return held?.key === next.key ? held : next;
  });
  const [told, tell] = createSignal(undefined, { equals: false });
  // An effect: a server's render asks for nothing, and the first one here shows what the server's did.
  createEffect(() => {
    onCleanup(store().subscribe(tell));
    tell(); // what changed between the first look and this
  });
  return createMemo(() => (told(), store().getSnapshot()));
}

function accessorsOf<S extends object>(current: Accessor<S>): Accessors<S> {
  const accessors = Object.entries(untrack(current)).map(([name, value]) => {
    const seen = (): unknown => current()[name as keyof S];
    if (typeof value !== 'function') return [name, createMemo(seen)];
    // An effect that writes is not about what is shown; one that looks for a row is.
    return [name, (...args: unknown[]) => ((name === 'row' ? seen() : untrack(seen)) as typeof value)(...args)];
  });
  return Object.fromEntries(accessors) as Accessors<S>;
}
