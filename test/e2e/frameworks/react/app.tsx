import { StrictMode, Suspense, memo, useState, type ReactElement } from 'react';
import type { Client } from '../../../../src/client/index.ts';
import { createHooks } from '../../../../src/react/index.ts';
import type { App } from '../../../support/board.ts';
import { drawn } from '../shared.ts';

const { LiveProvider, useConnection, useDraft, useRow, useStream } = createHooks<App>();

export function Page({ client, suspense = false }: { readonly client: Client<App>; readonly suspense?: boolean }): ReactElement {
  return (
    <StrictMode>
      <LiveProvider client={client}>
        <Board suspense={suspense} />
      </LiveProvider>
    </StrictMode>
  );
}

function Board({ suspense }: { readonly suspense: boolean }): ReactElement {
  const [blogId, turn] = useState(1);
  const [here, show] = useState(true);
  const { status, pending } = useConnection();
  return (
    <main>
      <p id="connection">
        {status} {pending.length}
      </p>
      <button id="turn" onClick={() => turn(3 - blogId)} />
      <button id="show" onClick={() => show(!here)} />
      {here && (
        <Suspense fallback={<Waiting />}>
          <Posts blogId={blogId} suspense={suspense} />
        </Suspense>
      )}
    </main>
  );
}

function Waiting(): ReactElement {
  window.waited = true;
  return <p id="waiting" />;
}

function Posts({ blogId, suspense }: { readonly blogId: number; readonly suspense: boolean }): ReactElement {
  const posts = useStream('posts', { blogId }, { suspense });
  const keys = posts.rows.map((post) => posts.pk(post) as number);
  return (
    <>
      <ul data-status={posts.status}>
        {keys.map((pk) => (
          <Post key={pk} pk={pk} blogId={blogId} />
        ))}
      </ul>
      <button id="add" onClick={() => void posts.create({ title: 'added' })} />
      <Form pk={keys[0]} blogId={blogId} />
    </>
  );
}

const Post = memo(function Post({ pk, blogId }: { readonly pk: number; readonly blogId: number }): ReactElement {
  const post = useRow('posts', pk, { blogId });
  drawn(pk);
  return <li data-pk={pk}>{post?.title}</li>;
});

function Form({ pk, blogId }: { readonly pk: number | undefined; readonly blogId: number }): ReactElement {
  const draft = useDraft('posts', pk, pk === undefined ? 'skip' : { blogId });
  return (
    <form onSubmit={(event) => event.preventDefault()} data-status={draft.status} data-dirty={draft.dirty}>
      <input id="title" value={draft.values.title ?? ''} onChange={(event) => draft.set('title', event.target.value)} />
      <input id="body" value={draft.values.body ?? ''} onChange={(event) => draft.set('body', event.target.value)} />
      <p id="error">{draft.errors.title}</p>
      <p id="theirs">{draft.theirs.title}</p>
      <button id="save" onClick={() => void draft.save()} />
      <button id="take" onClick={() => draft.take('title')} />
    </form>
  );
}
