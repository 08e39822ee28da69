/** @jsxImportSource solid-js */
import { createSignal, For } from 'solid-js';
import { ROOMS, type Room } from '../shared.ts';
import { Composer } from './composer.tsx';
import { useConnection, usePresence } from './live.ts';
import { Messages } from './messages.tsx';
import { Avatar, Typing } from './parts.tsx';

export function Chat(props: { readonly me: string }) {
  const [room, enter] = createSignal<Room>(ROOMS[0]);
  const { people, typing } = usePresence();
  const { status, pending } = useConnection();
  const elsewhere = (): readonly string[] =>
    people()
      .filter((person) => person.typing === room() && person.name !== props.me)
      .map(({ name }) => name);

  return (
    <div class="chat">
      <header class="bar">
        <nav aria-label="Rooms">
          <For each={ROOMS}>
            {(name) => (
              <button classList={{ quiet: name !== room() }} aria-current={name === room() || undefined} onClick={() => enter(name)}>
                {name}
              </button>
            )}
          </For>
        </nav>
        <ul class="people" aria-label="Here now">
          <For each={[...new Set(people().map(({ name }) => name))]}>
            {(name) => (
              <li>
                <Avatar name={name} />
              </li>
            )}
          </For>
        </ul>
        <p class="status" role="status" data-status={status()}>
          {status() === 'open' ? 'Live' : pending().length > 0 ? `Offline, ${pending().length} to send` : 'Connecting …'}
        </p>
      </header>
      <Messages room={room()} me={props.me} />
      <Typing names={elsewhere()} />
      <Composer room={room()} onTyping={typing} />
    </div>
  );
}
