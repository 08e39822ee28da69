import { useId, useState, type KeyboardEvent, type SubmitEvent } from 'react';
import { useDraft, useStream, type Post } from './live.ts';
import { FieldError, Refused } from './parts.tsx';

/** Fields that nobody touches stay live; what is typed survives refusals, reconnects, and others who write to the same post. */
export function EditForm({ post, onClose }: { readonly post: Post; readonly onClose: () => void }) {
  const { values, errors, theirs, refusal, status, set, save, take } = useDraft('posts', post.id);
  const blogs = useStream('blogs');
  const id = useId();
  const [begun] = useState(() => JSON.stringify(post));
  const changed = status === 'ready' && JSON.stringify(post) !== begun;

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if ((await save()).ok) onClose();
  }

  function press(event: KeyboardEvent<HTMLFormElement>): void {
    if (event.key === 'Escape') onClose();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
  }

  return (
    <form className="fields" onSubmit={(event) => void submit(event)} onKeyDown={press}>
      <label>
        Title
        <input
          name="title"
          required
          maxLength={200}
          autoComplete="off"
          autoFocus
          value={values.title ?? ''}
          onChange={(event) => set('title', event.target.value)}
          aria-invalid={!!errors.title || undefined}
          aria-describedby={`${id}-title`}
        />
        <FieldError id={`${id}-title`} name="Title" why={errors.title} />
      </label>
      <label>
        Text
        <textarea name="body" rows={5} value={values.body ?? ''} onChange={(event) => set('body', event.target.value)} />
      </label>
      <label className="short">
        Blog
        <select name="blogId" value={values.blogId ?? ''} onChange={(event) => set('blogId', Number(event.target.value))}>
          {blogs.rows.map((blog) => (
            <option key={blog.id} value={blog.id}>
              {blog.title}
            </option>
          ))}
        </select>
      </label>
      <p className="notice" role="status">
        {changed && 'Somebody else has just changed this post. Saving keeps what you have changed here.'}
        {(['title', 'body'] as const).map(
          (field) =>
            theirs[field] !== undefined && (
              <button type="button" key={field} onClick={() => take(field)}>
                Take their {field === 'title' ? 'title' : 'text'}
              </button>
            ),
        )}
      </p>
      <Refused why={refusal} />
      <p className="actions">
        <button className="primary" disabled={status === 'saving'}>
          Save
        </button>
        <button type="button" className="cancel" onClick={onClose}>
          Cancel
        </button>
      </p>
    </form>
  );
}
