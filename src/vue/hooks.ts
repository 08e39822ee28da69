import {
  computed,
  defineComponent,
  getCurrentInstance,
  inject,
  onMounted,
  provide,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type DefineComponent,
  type InjectionKey,
  type MaybeRefOrGetter,
  type PropType,
} from 'vue';
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

/** What is shown, as refs; the methods as they are. */
export type Refs<S> = { readonly [K in keyof S]: S[K] extends (...args: never[]) => unknown ? S[K] : ComputedRef<S[K]> };

/** `values` takes assignments: `v-model="values.title"`. */
export type DraftRefs<D extends { readonly values: unknown }> = Omit<Refs<D>, 'values'> & {
  readonly values: { -readonly [F in keyof D['values']]: D['values'][F] };
};

export interface Hooks<App extends AppTypes> {
  /** Gives the client to everything below it. On a server: one client for each render. */
  readonly LiveProvider: DefineComponent<{ client: Client<App> }>;
  /** The client of the provider above. @throws {TypeError} where there is none. */
  readonly useClient: () => Client<App>;
  /** A view's rows and the ways to write to it. Params are a value, a ref or a getter, compared by value; null or `'skip'`: nothing is asked for. */
  readonly useStream: <N extends BoundName<App>>(
    name: N,
    params?: MaybeRefOrGetter<Asked<Bound<App, N>>>,
  ) => Refs<StreamView<Bound<App, N>>>;
  /** One row of a view: changes when that row does, and with no other. */
  readonly useRow: <N extends BoundName<App>>(
    name: N,
    pk: MaybeRefOrGetter<Pk | null | undefined>,
    params?: MaybeRefOrGetter<Asked<Bound<App, N>>>,
  ) => ComputedRef<DataOf<Bound<App, N>> | undefined>;
  /** A row in a form; without a key, a new one. */
  readonly useDraft: <N extends BoundName<App>>(
    name: N,
    pk: MaybeRefOrGetter<Pk | null | undefined>,
    params?: MaybeRefOrGetter<Asked<Bound<App, N>>>,
  ) => DraftRefs<Draft<Bound<App, N>>>;
  /** How the connection is, and what has no answer yet. */
  readonly useConnection: () => Refs<Connection>;
}

/**
 * The hooks of one endpoint, typed by it. In components and in effect scopes.
 *
 * @example
 * ```ts
 * export const { LiveProvider, useStream } = createHooks<typeof app>()
 * const { rows, update } = useStream('posts', () => ({ blogId: props.blogId }))
 * ```
 */
export function createHooks<App extends AppTypes = AnyApp>(): Hooks<App> {
  const key: InjectionKey<Client<App>> = Symbol('rowcast');

  const useClient = (): Client<App> => {
    const client = inject(key, null);
    if (!client) throw new TypeError('no client here: put <LiveProvider :client="…"> around what uses it');
    return client;
  };

  const live = <S>(make: (client: Client<App>) => LiveStore<S>): Live<S> => {
    const client = useClient();
    return follow(() => make(client));
  };

  return {
    LiveProvider: defineComponent({
      props: { client: { type: Object as PropType<Client<App>>, required: true } },
      setup(props, { slots }) {
        provide(key, props.client);
        return () => slots['default']?.();
      },
    }) as unknown as DefineComponent<{ client: Client<App> }>,
    useClient,
    useStream: (name, params) => refsOf(live((client) => liveStream(client, name, toValue(params)))),
    useRow: (name, pk, params) => live((client) => liveRow(client, name, toValue(pk), toValue(params))).current,
    useDraft(name, pk, params) {
      const draft = live((client) => draftOf(liveStream(client, name, toValue(params)), toValue(pk)));
      return { ...refsOf(draft), values: formOf(() => draft.current.value) } as never;
    },
    useConnection: () => refsOf(live(liveConnection)),
  };
}

/** What is shown, and the same for who must not be told of it. */
interface Live<S> {
  readonly current: ComputedRef<S>;
  now(): S;
}

function follow<S>(make: () => LiveStore<S>): Live<S> {
  let held: LiveStore<S> | undefined;
  const store = computed<LiveStore<S>>(() => {
    const next = make();
    return held?.key === next.key ? held : (held = next);
  });
  const told = shallowRef({});
  // Another object, not a count: counting would read it, and an effect that writes would depend on it.
  const tell = (): void => void (told.value = {});
  const join = (): void => {
    watch(
      store,
      ({ subscribe }, _, left) => {
        left(subscribe(tell));
        tell(); // what changed between the first look and this
      },
      { immediate: true, flush: 'sync' },
    );
  };
  // Not before it is mounted: a server's render asks for nothing, and the first one here shows what the server's did.
  if (getCurrentInstance()) onMounted(join);
  else join();
  return { current: computed(() => (void told.value, store.value.getSnapshot())), now: () => (held ?? store.value).getSnapshot() };
}

function refsOf<S extends object>({ current, now }: Live<S>): Refs<S> {
  const refs = Object.entries(current.value).map(([name, value]) => {
    const seen = (): unknown => current.value[name as keyof S];
    if (typeof value !== 'function') return [name, computed(seen)];
    // An effect that writes is not about what is shown; one that looks for a row is.
    const method = name === 'row' ? seen : (): unknown => now()[name as keyof S];
    return [name, (...args: unknown[]) => (method() as typeof value)(...args)];
  });
  return Object.fromEntries(refs) as Refs<S>;
}
