/** @jsxImportSource solid-js */
import { createEffect, For, Show } from 'solid-js';
import type { Room } from '../shared.ts';
import { useStream } from './live.ts';
import { Avatar } from './parts.tsx';

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function Messages(props: { readonly room: Room; readonly me: string }) {
  const { rows, status, pk, delete: remove } = useStream('messages', () => ({ room: props.room }));
  let list: HTMLOListElement | null = null;

  createEffect(() => {
    if (rows().length > 0) list?.scrollTo({ top: list.scrollHeight });
  });

  return (
    <ol class="messages" ref={(element) => (list = element)} aria-label={props.room} data-status={status()}>
      <For each={rows()} fallback={status() === 'live' && <li class="empty soft">Nobody has said anything here yet.</li>}>
        {(message) => {
          // What the server stamps is not there before it has.
          const sent = message.at !== undefined;
          const author = message.author ?? props.me;
          return (
            <li classList={{ mine: author === props.me, unsent: !sent }}>
              <Avatar name={author} />
              <div class="bubble">
                <p class="by">
                  {author} <span class="soft">{sent ? time.format(message.at) : 'sending …'}</span>
                </p>
                <p>{message.body}</p>
              </div>
              <Show when={author === props.me && sent}>
                <button class="quiet" aria-label={`Delete: ${message.body}`} onClick={() => void remove(pk(message))}>
                  ×
                </button>
              </Show>
            </li>
          );
        }}
      </For>
    </ol>
  );
}
