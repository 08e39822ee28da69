import { For, Show, createSignal, type JSX } from 'solid-js';
import type { Client } from '../../../../src/client/index.ts';
import { createHooks } from '../../../../src/solid/index.ts';
import type { App } from '../../../support/board.ts';
import { drawn } from '../shared.ts';

const { LiveProvider, useConnection, useDraft, useRow, useStream } = createHooks<App>();

export function Page(props: { readonly client: Client<App> }): JSX.Element {
  return (
    <LiveProvider client={props.client}>
      <Board />
    </LiveProvider>
  );
}

function Board(): JSX.Element {
  const [blogId, turn] = createSignal(1);
  const [here, show] = createSignal(true);
  const { status, pending } = useConnection();
  return (
    <main>
      <p id="connection">
        {status()} {pending().length}
      </p>
      <button id="turn" onClick={() => turn(3 - blogId())} />
      <button id="show" onClick={() => show(!here())} />
      <Show when={here()}>
        <Posts blogId={blogId()} />
      </Show>
    </main>
  );
}

function Posts(props: { readonly blogId: number }): JSX.Element {
  const { rows, status, create, pk } = useStream('posts', () => ({ blogId: props.blogId }));
  const keys = (): number[] => rows().map((post) => pk(post) as number);
  return (
    <>
      <ul data-status={status()}>
        <For each={keys()}>{(key) => <Post pk={key} blogId={props.blogId} />}</For>
      </ul>
      <button id="add" onClick={() => void create({ title: 'added' })} />
      <Form pk={keys()[0]} blogId={props.blogId} />
    </>
  );
}

function Post(props: { readonly pk: number; readonly blogId: number }): JSX.Element {
  const post = useRow(
    'posts',
    () => props.pk,
    () => ({ blogId: props.blogId }),
  );
  return <li data-pk={props.pk}>{(drawn(props.pk), post()?.title)}</li>;
}

function Form(props: { readonly pk: number | undefined; readonly blogId: number }): JSX.Element {
  const { values, errors, theirs, dirty, status, set, save, take } = useDraft(
    'posts',
    () => props.pk,
    () => (props.pk === undefined ? 'skip' : { blogId: props.blogId }),
  );
  return (
    <form onSubmit={(event) => event.preventDefault()} data-status={status()} data-dirty={String(dirty())}>
      <input id="title" value={values.title ?? ''} onInput={(event) => set('title', event.target.value)} />
      <input id="body" value={values.body ?? ''} onInput={(event) => set('body', event.target.value)} />
      <p id="error">{errors().title}</p>
      <p id="theirs">{theirs().title}</p>
      <button id="save" onClick={() => void save()} />
      <button id="take" onClick={() => take('title')} />
    </form>
  );
}
