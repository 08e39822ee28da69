/** @jsxImportSource solid-js */
import { createSignal, onMount } from 'solid-js';
import type { Room } from '../shared.ts';
import { useStream } from './live.ts';

interface ComposerProps {
  readonly room: Room;
  onTyping(room: Room | null): void;
}

export function Composer(props: ComposerProps) {
  const { create } = useStream('messages', () => ({ room: props.room }));
  const [text, setText] = createSignal('');
  const [refusal, refuse] = createSignal('');
  let field: HTMLInputElement | null = null;
  onMount(() => field?.focus());

  /** The message is in the list at once, sent when there is a connection. Refused, it leaves the list and is back in the field. */
  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const body = text();
    setText('');
    props.onTyping(null);
    const answer = await create({ body });
    refuse(answer.ok ? '' : (answer.fields?.['body'] ?? answer.message));
    if (!answer.ok && !text()) setText(body);
  }

  function type(body: string): void {
    setText(body);
    refuse('');
    props.onTyping(body ? props.room : null);
  }

  return (
    <form class="composer" onSubmit={(event) => void send(event)}>
      <p class="refusal" role="alert">
        {refusal()}
      </p>
      <input
        ref={(element) => (field = element)}
        aria-label={`Message to ${props.room}`}
        placeholder={`Message to ${props.room}`}
        value={text()}
        onInput={(event) => type(event.target.value)}
        aria-invalid={refusal() !== ''}
        autocomplete="off"
      />
      <button class="primary">Send</button>
    </form>
  );
}
