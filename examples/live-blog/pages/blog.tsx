import { useEffect, useRef } from 'react';
import { Composer } from './composer.tsx';
import { show } from './frame.tsx';
import { useStream } from './live.ts';
import { role, shell } from './page.ts';
import { Empty, useListed } from './parts.tsx';
import { PostCard } from './post.tsx';

const here = Number(new URLSearchParams(location.search).get('blog') ?? 1);

function Blogs() {
  const blogs = useStream('blogs').rows.toSorted((one, other) => one.id - other.id);
  const title = blogs.find(({ id }) => id === here)?.title;

  useEffect(() => {
    if (title) document.title = `${title} · Live blog`;
  }, [title]);

  return (
    <nav className="blogs" aria-label="Blogs">
      {blogs.map((blog) => {
        const link = (
          <a key={blog.id} href={`/?blog=${blog.id}`} aria-current={blog.id === here || undefined}>
            {blog.title}
          </a>
        );
        return blog.id === here ? <h1 key={blog.id}>{link}</h1> : link;
      })}
    </nav>
  );
}

/** One that has no key of the database's yet is the newest. */
const age = ({ id }: { readonly id: number }): number => (id < 0 ? Infinity : id);

function Posts() {
  const { rows, status, pk } = useStream('posts');
  const list = useRef<HTMLElement>(null);
  const listed = useListed(status);
  const waiting = status === 'idle' || status === 'syncing';
  return (
    <>
      <section className="posts" aria-label="Posts" aria-busy={waiting || undefined} tabIndex={-1} ref={list}>
        {rows
          .toSorted((one, other) => age(other) - age(one))
          .map((post) => (
            <PostCard key={String(pk(post))} post={post} listed={listed} onGone={() => list.current?.focus()} />
          ))}
      </section>
      {rows.length === 0 && !waiting && (
        <Empty title="Nothing here yet.">
          The first {role === 'reader' && 'published '}post will appear by itself; there is no need to reload.
        </Empty>
      )}
    </>
  );
}

show({
  url: `/binding/?blog=${here}`,
  stream: 'posts',
  hints: (
    <ol>
      <li>Open this page in a second window, side by side.</li>
      <li>Become an editor above. A private window stays a reader.</li>
      <li>Edit, publish, delete. Each window gets what it may see.</li>
      <li>
        Go behind the app's back:
        <pre tabIndex={0}>
          <code>{`${shell} "UPDATE post SET title = title || '!'"`}</code>
        </pre>
      </li>
    </ol>
  ),
  children: (
    <>
      <Blogs />
      <Composer blogId={here} />
      <Posts />
    </>
  ),
});
