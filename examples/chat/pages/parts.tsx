/** @jsxImportSource solid-js */
import { Show } from 'solid-js';

/** A letter or two, in a colour that is the same for a name on every screen. */
export function Avatar(props: { readonly name: string }) {
  const hue = (): number => [...props.name].reduce((sum, letter) => (sum * 137 + letter.charCodeAt(0)) % 360, 40);
  return (
    <span class="avatar" style={{ '--hue': String(hue()) }} title={props.name} role="img" aria-label={props.name}>
      {props.name.slice(0, 2)}
    </span>
  );
}

export function Typing(props: { readonly names: readonly string[] }) {
  return (
    <p class="typing" aria-live="polite">
      <Show when={props.names.length > 0}>
        {new Intl.ListFormat('en').format(props.names)} {props.names.length > 1 ? 'are' : 'is'} typing{' '}
        <span class="dots" aria-hidden="true" />
      </Show>
    </p>
  );
}
