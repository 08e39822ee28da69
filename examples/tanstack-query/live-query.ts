import type { QueryClient, QueryKey } from '@tanstack/query-core'; // every adapter has the same: `@tanstack/react-query`, say

/** What a query follows: a handle of `client.stream(…)`. */
interface Followed<Row> {
  readonly rows: readonly Row[];
  readonly status: string;
  on(event: 'current', handler: () => void): () => void;
  close(): void;
}

/** By query. */
const followed = new WeakMap<object, Followed<unknown>>();

/** Options of a query whose data is a stream's rows for as long as the query is in the cache. */
export function liveQuery<Row>(queryKey: QueryKey, open: () => Followed<Row>) {
  return {
    queryKey,
    queryFn: ({ client }: { readonly client: QueryClient }): Promise<readonly Row[]> => follow(client, queryKey, open),
    staleTime: Infinity, // what changes is told
    retry: false, // the client comes back by itself
    networkMode: 'always' as const, // it may have rows without a network
    structuralSharing: false, // rows that did not change are the same objects already
  };
}

async function follow<Row>(client: QueryClient, queryKey: QueryKey, open: () => Followed<Row>): Promise<readonly Row[]> {
  const cache = client.getQueryCache();
  const query = cache.find({ queryKey, exact: true }) as object; // the one that asks
  let handle = followed.get(query) as Followed<Row> | undefined;
  if (!handle) {
    const opened = (handle = open());
    followed.set(query, opened);
    opened.on('current', () => client.setQueryData(queryKey, (shown: readonly Row[] | undefined) => shown && opened.rows));
    const off = cache.subscribe((event) => {
      if (event.type !== 'removed' || event.query !== query) return;
      off();
      opened.close();
    });
  }
  await known(handle);
  return handle.rows;
}

/** Resolves once there are rows to show. */
function known(handle: Followed<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const { status } = handle;
      if (status === 'idle' || status === 'syncing') return;
      off();
      if (status === 'failed') reject(new Error('refused, or taken away: the `error` event of the client says why'));
      else resolve();
    };
    const off = handle.on('current', look);
    look();
  });
}
