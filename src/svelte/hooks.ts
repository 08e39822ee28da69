import { getContext, setContext, untrack } from 'svelte';
import { createSubscriber } from 'svelte/reactivity';
import type { Readable } from 'svelte/store';
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

/** A value, or a function of runes that gives one. */
export type Given<V> = V | (() => V);

/**
 * Reactive as it is (`posts.rows`): read its members where they are used, what is destructured is read once. And a store (`$posts.rows`), which stays
 * with the params it had when it was subscribed to.
 */
export type Live<S> = S & Readable<S>;

/** `values` takes assignments: `bind:value={draft.values.title}`. */
export type LiveDraft<D extends { readonly values: unknown }> = Live<
  Omit<D, 'values'> & { readonly values: { -readonly [F in keyof D['values']]: D['values'][F] } }
>;

export interface Hooks<App extends AppTypes> {
  /** Gives the client to this component and everything below it: called in its script. On a server: one client for each render. */
  readonly LiveProvider: (props: { readonly client: Client<App> }) => void;
  /** The client of the provider above. @throws {TypeError} where there is none. */
  readonly useClient: () => Client<App>;
  /** A view's rows and the ways to write to it. Params are a value or a function of runes, compared by value; null or `'skip'`: nothing is asked for. */
  readonly useStream: <N extends BoundName<App>>(name: N, params?: Given<Asked<Bound<App, N>>>) => Live<StreamView<Bound<App, N>>>;
  /** One row of a view, as `current`: changes when that row does, and with no other. */
  readonly useRow: <N extends BoundName<App>>(
    name: N,
    pk: Given<Pk | null | undefined>,
    params?: Given<Asked<Bound<App, N>>>,
  ) => { readonly current: DataOf<Bound<App, N>> | undefined } & Readable<DataOf<Bound<App, N>> | undefined>;
  /** A row in a form; without a key, a new one. */
  readonly useDraft: <N extends BoundName<App>>(
    name: N,
    pk: Given<Pk | null | undefined>,
    params?: Given<Asked<Bound<App, N>>>,
  ) => LiveDraft<Draft<Bound<App, N>>>;
  /** How the connection is, and what has no answer yet. */
  readonly useConnection: () => Live<Connection>;
}

/**
 * The hooks of one endpoint, typed by it: for runes, and as stores. A view is asked for while an effect or a template reads it.
 *
 * @example
 * ```ts
 * export const { LiveProvider, useStream } = createHooks<typeof app>()
 * const posts = useStream('posts', () => ({ blogId }))       // {#each posts.rows as post (post.id)} … posts.update(post.id, { title: 'New' })
 * ```
 */
export function createHooks<App extends AppTypes = AnyApp>(): Hooks<App> {
  const key = Symbol('rowcast');

  const useClient = (): Client<App> => {
    const client = getContext<Client<App> | undefined>(key);
    if (!client) throw new TypeError('no client here: call LiveProvider({ client }) in the script of a component above');
    return client;
  };

  const live = <S>(make: (client: Client<App>) => LiveStore<S>): Seen<S> => {
    const client = useClient();
    return follow(() => make(client));
  };

  return {
    LiveProvider: ({ client }) => void setContext(key, client),
    useClient,
    useStream: (name, params) => liveOf(live((client) => liveStream(client, name, given(params)))),
    useRow(name, pk, params) {
      const { current, subscribe } = live((client) => liveRow(client, name, given(pk), given(params)));
      return {
        get current() {
          return current();
        },
        subscribe,
      };
    },
    useDraft(name, pk, params) {
      const draft = live((client) => draftOf(liveStream(client, name, given(params)), given(pk)));
      return Object.defineProperty(liveOf(draft), 'values', { value: formOf(draft.current) }) as never;
    },
    useConnection: () => liveOf(live(liveConnection)),
  };
}

function given<V>(value: Given<V>): V {
  return typeof value === 'function' ? (value as () => V)() : value;
}

/** What is shown, for effects and for stores. */
interface Seen<S> {
  /** Whoever reads in an effect is told, and the view is asked for as long as there is one. */
  current(): S;
  readonly subscribe: Readable<S>['subscribe'];
}

function follow<S>(make: () => LiveStore<S>): Seen<S> {
  let held: LiveStore<S> | undefined;
  let track: () => void;
  const store = (): LiveStore<S> => {
    const next = make();
    if (held?.key === next.key) return held;
    track = createSubscriber(next.subscribe);
    return (held = next);
  };
  return {
    current() {
      const { getSnapshot } = store();
      track();
      return getSnapshot();
    },
    subscribe(run) {
      const { subscribe, getSnapshot } = store();
      const off = subscribe(() => run(getSnapshot()));
      run(getSnapshot());
      return off;
    },
  };
}

function liveOf<S extends object>({ current, subscribe }: Seen<S>): Live<S> {
  const live = { subscribe };
  for (const [name, value] of Object.entries(current())) {
    const now = (): unknown => current()[name as keyof S];
    // An effect that writes is not about what is shown; one that looks for a row is.
    const method = (...args: unknown[]): unknown => ((name === 'row' ? now() : untrack(now)) as typeof value)(...args);
    Object.defineProperty(live, name, {
      ...(typeof value === 'function' ? { value: method } : { get: now }),
      enumerable: true,
      configurable: true,
    });
  }
  return live as Live<S>;
}
