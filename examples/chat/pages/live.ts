import { createClient, type Client } from 'rowcast/client';
import { createHooks } from 'rowcast/solid';
import { createSignal, onCleanup, type Accessor } from 'solid-js';
import type { app } from '../server.ts';
import type { Person, Room } from '../shared.ts';

export const { LiveProvider, useClient, useStream, useConnection } = createHooks<typeof app>();

export const clientOf = (name: string): Client<typeof app> => createClient<typeof app>(`/live/?${new URLSearchParams({ name })}`);

const PAUSE = 2_500; // ms without a key until somebody is not typing any more

export interface Presence {
  readonly people: Accessor<readonly Person[]>;
  /** Tells the others where this page is typing, until it pauses; null: it has stopped. */
  typing(room: Room | null): void;
}

export function usePresence(): Presence {
  const stream = useClient().stream('presence');
  const [people, setPeople] = createSignal<readonly Person[]>([]);
  let said: Room | null = null;
  let pause: ReturnType<typeof setTimeout> | undefined;

  const say = (room: Room | null): void => {
    if (room !== said) stream.send((said = room));
  };
  stream.on('message', (here) => setPeople(here as unknown as readonly Person[]));
  stream.on('status', (status) => {
    if (status === 'live') return;
    said = null; // the server forgets us with the connection, and we know nothing of the others
    setPeople([]);
  });
  onCleanup(() => stream.close());

  return {
    people,
    typing(room) {
      clearTimeout(pause);
      say(room);
      if (room) pause = setTimeout(() => say(null), PAUSE);
    },
  };
}
