import {
  groupKey,
  type Group,
  ORIGIN,
  route,
  RowcastError,
  streamOf,
  verdictOf,
  type Binding,
  type BindingTypes,
  type Image,
  type Json,
  type LogValue,
  type Table,
} from '../core/index.ts';
import { memoryTable } from '../memory/index.ts';

/** A committed change of one row, and the groups a viewer holds. */
export interface Scene<R> {
  /** The row before the commit, as `select()` gives it; left out: it was not there. */
  readonly before?: R;
  /** The row after it; left out: it is gone. */
  readonly after?: R;
  readonly groups: readonly Group[];
}

/** What a viewer gets, as the wire has it. */
export interface Seen {
  readonly action: 'create' | 'update' | 'delete';
  readonly pk: Json;
  /** The whitelisted fields; null for a delete. */
  readonly data: Readonly<Record<string, Json>> | null;
}

/**
 * What a viewer who holds these groups gets of a change: nothing, one message, or two when the row's key changed. By the same rule as in
 * service, with neither database nor server: for testing a binding's `groupNames`, `fields` and `serialize`.
 *
 * @example
 * ```ts
 * const moved = seen(posts, { before: { ...post, blogId: 1 }, after: { ...post, blogId: 2 }, groups: [posts.group({ blogId: 1 })] })
 * expect(moved).toEqual([{ action: 'delete', pk: 7, data: null }])
 * ```
 * @throws what the binding's own functions throw; {RowcastError} `publish_invalid` when a row lacks its key.
 */
export function seen<T extends BindingTypes>(binding: Binding<T>, { before, after, groups }: Scene<Partial<T['row']>>): readonly Seen[] {
  const table = memoryTable({ model: binding.model, listed: new Set(binding.fields) });
  const change = { table, before: before ? imageOf(table, before) : null, after: after ? imageOf(table, after) : null };
  const stream = streamOf(binding.model.table.name, binding as unknown as Binding, table);
  const commit = { position: ORIGIN, xid: null, receipts: [], lost: [], changes: [change] };
  const entry = route(commit, { streams: new Map([[table, [stream]]]), members: new Map() }, (_, error) => {
    throw error;
  });
  const keys = new Set(groups.map(groupKey));
  const holds = (names: readonly string[] | null): boolean => names?.some((name) => keys.has(name)) ?? false;
  return (entry?.deliveries ?? []).flatMap(({ key, before: was, after: is, fields }): Seen[] => {
    const action = verdictOf(holds(was), holds(is));
    if (!action) return [];
    const pk = JSON.parse(key) as Json;
    return [{ action, pk, data: action === 'delete' ? null : (JSON.parse(fields) as Record<string, Json>) }];
  });
}

function imageOf(table: Table, row: object): Image {
  const values = row as Readonly<Record<string, unknown>>;
  return table.columns.map(({ name }, place): LogValue => {
    const value = values[name] ?? null;
    if (value === null && table.key.includes(place)) {
      throw new RowcastError('publish_invalid', `a row of "${table.id}" needs its key: give "${name}"`);
    }
    return value as LogValue;
  });
}
