import { memo, useEffect, useState, type RefObject } from 'react';
import type { Refusal } from 'rowcast/client';
import { EditForm } from './edit.tsx';
import { useStream, type Post } from './live.ts';
import { announce } from './page.ts';
import { Confirmed, Refused, useFlash } from './parts.tsx';

interface PostProps {
  readonly post: Post;
  readonly listed: RefObject<boolean>;
  /** The keyboard was in it when it went. */
  onGone(): void;
}

export const PostCard = memo(function PostCard({ post, listed, onGone }: PostProps) {
  const posts = useStream('posts');
  const [editing, edit] = useState(false);
  const [refusal, refuse] = useState<Refusal | null>(null);
  const card = useFlash<HTMLElement>(post, listed);
  const { id, title, body, published } = post;

  useEffect(() => {
    if (listed.current) announce(`${title}: ${body}`);
  }, [title, body, listed]);

  async function act(write: Promise<{ ok: true } | Refusal>): Promise<void> {
    const answer = await write;
    refuse(answer.ok ? null : answer);
  }

  function remove(): void {
    onGone();
    void act(posts.delete(id));
  }

  return (
    <article className={published ? 'card post' : 'card post is-draft'} ref={card}>
      {editing ? (
        <EditForm post={post} onClose={() => edit(false)} />
      ) : (
        <>
          <div className="read">
            <h2 className="title">{title}</h2>
            <p className="badge">Draft</p>
            <p className="body">{body}</p>
          </div>
          <footer className="actions">
            <button type="button" className="edit" onClick={() => edit(true)}>
              Edit
            </button>
            <button type="button" className="publish editors-only" onClick={() => void act(posts.update(id, { published: !published }))}>
              {published ? 'Unpublish' : 'Publish'}
            </button>
            <Confirmed className="editors-only" onClick={remove}>
              Delete
            </Confirmed>
            <Refused why={refusal} />
          </footer>
        </>
      )}
    </article>
  );
});
