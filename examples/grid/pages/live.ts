import { createClient, select, type DataOf, type SelectOptions, type Streams } from 'rowcast/client';
import { createHooks } from 'rowcast/vue';
import { computed, onScopeDispose, shallowRef, watch, watchEffect, type ComputedRef, type ShallowRef } from 'vue';
import type { Cell, Person } from '../columns.ts';
import type { app } from '../server.ts';

export const { LiveProvider, useClient, useStream, useDraft, useConnection } = createHooks<typeof app>();

export type Item = DataOf<Streams<typeof app>['items']>;

const NAMES = ['Heron', 'Otter', 'Lynx', 'Finch', 'Marten', 'Plover', 'Badger', 'Teal'];
const ownName = (): string => {
  const name = sessionStorage.getItem('name') ?? NAMES[Math.floor(Math.random() * NAMES.length)] ?? '';
  sessionStorage.setItem('name', name);
  return name;
};

/** Each tab is somebody. Each cell is a write of its own: one that is refused takes none of the others in its row with it. */
export const connect = () => createClient<typeof app>(`/live/?${new URLSearchParams({ name: ownName() })}`);

/** Some of the rows in an order, kept up as they change. */
export function useItems(options: () => SelectOptions<Item>): ShallowRef<readonly Item[]> {
  const items = useClient().stream('items');
  const rows = shallowRef<readonly Item[]>([]);
  watchEffect((onCleanup) => {
    const selection = select(items, options());
    const show = (): void => void (rows.value = selection.rows);
    show();
    selection.on('current', show);
    onCleanup(() => selection.close());
  });
  onScopeDispose(() => items.close());
  return rows;
}

export interface Cursors {
  readonly me: ComputedRef<Person | undefined>;
  readonly others: ComputedRef<readonly Person[]>;
}

/** Tells the others which cell this page is in, and where they are. */
export function useCursors(cell: () => Cell | null): Cursors {
  const cursors = useClient().stream('cursors');
  const seat = shallowRef('');
  const people = shallowRef<readonly Person[]>([]);
  cursors.on('message', (said) => {
    const told = said as unknown as { readonly seat: string } | { readonly people: readonly Person[] };
    if ('people' in told) people.value = told.people;
    else {
      seat.value = told.seat; // of this connection: the one before is forgotten there, and with it where we are
      cursors.send(cell());
    }
  });
  cursors.on('status', (status) => status !== 'live' && (people.value = []));
  watch(cell, (now) => cursors.send(now));
  onScopeDispose(() => cursors.close());
  return {
    me: computed(() => people.value.find((each) => each.seat === seat.value)),
    others: computed(() => people.value.filter((each) => each.seat !== seat.value)),
  };
}
