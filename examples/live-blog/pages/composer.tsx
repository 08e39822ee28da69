import { useRef, type SubmitEvent } from 'react';
import { useDraft } from './live.ts';
import { Refused } from './parts.tsx';

/** A draft without a key is a new row's. */
export function Composer({ blogId }: { readonly blogId: number }) {
  const { values, refusal, status, set, save, reset } = useDraft('posts', null);
  const details = useRef<HTMLDetailsElement>(null);
  const title = useRef<HTMLInputElement>(null);

  async function add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    set('blogId', blogId);
    if (!(await save()).ok) return;
    reset();
    details.current?.removeAttribute('open');
  }

  return (
    <details className="composer editors-only" ref={details} onToggle={(event) => event.currentTarget.open && title.current?.focus()}>
      <summary>Write a post</summary>
      <form className="card fields" onSubmit={(event) => void add(event)}>
        <label>
          Title
          <input
            ref={title}
            required
            maxLength={200}
            autoComplete="off"
            value={values.title ?? ''}
            onChange={(event) => set('title', event.target.value)}
          />
        </label>
        <label>
          Text
          <textarea rows={4} value={values.body ?? ''} onChange={(event) => set('body', event.target.value)} />
        </label>
        <label className="tick">
          <input type="checkbox" checked={values.published ?? false} onChange={(event) => set('published', event.target.checked)} />
          Publish at once
        </label>
        <Refused why={refusal} />
        <p className="actions">
          <button className="primary" disabled={status === 'saving'}>
            Add post
          </button>
        </p>
      </form>
    </details>
  );
}
