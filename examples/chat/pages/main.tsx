/** @jsxImportSource solid-js */
import { createSignal, Show } from 'solid-js';
import { render } from 'solid-js/web';
import { Chat } from './chat.tsx';
import { clientOf, LiveProvider } from './live.ts';

/** The name is asked for once in each tab, so that two tabs are two people. */
function Page() {
  const [name, setName] = createSignal(sessionStorage.getItem('name') ?? '');

  function enter(event: SubmitEvent): void {
    event.preventDefault();
    const given = String(new FormData(event.target as HTMLFormElement).get('name')).trim();
    sessionStorage.setItem('name', given);
    setName(given);
  }

  return (
    <Show
      when={name()}
      keyed
      fallback={
        <form class="enter" onSubmit={enter}>
          <h1>Who is it?</h1>
          <input name="name" aria-label="Your name" placeholder="Your name" maxLength={24} required autofocus autocomplete="off" />
          <button class="primary">Come in</button>
        </form>
      }
    >
      {(me) => (
        <LiveProvider client={clientOf(me)}>
          <Chat me={me} />
        </LiveProvider>
      )}
    </Show>
  );
}

render(() => <Page />, document.getElementById('app') as HTMLElement);
