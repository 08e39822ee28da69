import { createClient } from 'rowcast/client';
import { announce, busy, confirmed, flash, furnish, leave, place, role, showAnswer } from './page.js';

const blogId = Number(new URLSearchParams(location.search).get('blog') ?? 1);
const client = createClient(`/binding/?blog=${blogId}`);
const posts = client.stream('posts');
const blogs = client.stream('blogs');
const list = document.querySelector('.posts');
const empty = document.querySelector('.empty');
const cards = new Map();
furnish(client, posts, 'post');

let loaded = false;
posts.on('create', ({ pk, data }) => cards.set(pk, newCard(pk, data)));
posts.on('update', ({ pk, data }) => cards.get(pk).show(data));
posts.on('delete', ({ pk }) => {
  cards.get(pk).gone();
  cards.delete(pk);
});
posts.on('commit', () => (empty.hidden = cards.size > 0));
posts.on('ready', () => {
  loaded = true;
  list.removeAttribute('aria-busy');
  empty.hidden = cards.size > 0;
});

function newCard(pk, data) {
  const card = document.querySelector('#post').content.cloneNode(true).firstElementChild;
  const find = (selector) => card.querySelector(selector);
  const [read, form, footer] = [find('.read'), find('form'), find('footer')];
  const [edit, publish, save] = [find('.edit'), find('.publish'), form.querySelector('.primary')];
  let shown = {};
  card.dataset.pk = pk;

  const show = (next) => {
    if (JSON.stringify(next) === JSON.stringify(shown)) return;
    const first = shown.title === undefined;
    shown = next;
    find('.title').textContent = next.title;
    find('.body').textContent = next.body;
    publish.textContent = next.published ? 'Unpublish' : 'Publish';
    card.classList.toggle('is-draft', !next.published);
    if (first && !loaded) return;
    flash(card, first ? 'is-new' : 'is-changed');
    announce(first ? `New post: ${next.title}` : `Changed: ${next.title}`);
    if (!form.hidden && !save.disabled)
      find('.notice').textContent = 'Somebody else has just changed this post. Saving keeps what you have changed here.';
  };
  const toggle = (editing) => {
    form.hidden = !editing;
    read.hidden = footer.hidden = editing;
    find('.notice').textContent = '';
    showAnswer(form, { ok: true });
    showAnswer(footer, { ok: true });
    (editing ? form.elements.title : edit).focus();
  };

  let begun = {};
  edit.addEventListener('click', () => {
    begun = shown;
    form.elements.title.value = shown.title;
    form.elements.body.value = shown.body;
    form.elements.blogId.replaceChildren(...allBlogs().map(({ id, title }) => new Option(title, String(id), false, id === shown.blogId)));
    toggle(true);
  });
  find('.cancel').addEventListener('click', () => toggle(false));
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') toggle(false);
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { title, body, blogId: blog } = form.elements;
    const next = { title: title.value, body: body.value, blogId: Number(blog.value) };
    // Only what was changed here: the rest may have been changed by somebody else meanwhile.
    const data = Object.fromEntries(Object.entries(next).filter(([name, value]) => value !== begun[name]));
    if (Object.keys(data).length === 0) return toggle(false);
    const answer = await busy(save, () => posts.update(pk, data));
    if (showAnswer(form, answer)) toggle(false);
  });
  publish.addEventListener('click', () =>
    busy(publish, async () => showAnswer(footer, await posts.update(pk, { published: !shown.published }))),
  );
  confirmed(find('.delete'), async () => showAnswer(footer, await posts.delete(pk)));

  show(data);
  place(list, card, (other) => other < pk); // the newest first
  return {
    show,
    gone: () => {
      announce(`Removed: ${shown.title}`);
      leave(card, list);
    },
  };
}

const allBlogs = () => blogs.rows.map((row) => ({ id: blogs.pk(row), title: row.title })).sort((one, other) => one.id - other.id);

blogs.on('commit', () => {
  document.querySelector('.blogs').replaceChildren(
    ...allBlogs().map(({ id, title }) => {
      const link = document.createElement('a');
      link.href = `/?blog=${id}`;
      link.textContent = title;
      if (id !== blogId) return link;
      document.title = `${title} · Live blog`;
      link.setAttribute('aria-current', 'true');
      const heading = document.createElement('h1');
      heading.append(link);
      return heading;
    }),
  );
});

const composer = document.querySelector('.composer');
const write = composer.querySelector('form');
composer.addEventListener('toggle', () => composer.open && write.elements.title.focus());
write.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { title, body, published } = write.elements;
  const data = { blogId, title: title.value, body: body.value, published: published.checked };
  const answer = await busy(write.querySelector('.primary'), () => posts.create(data));
  if (!showAnswer(write, answer)) return;
  write.reset();
  composer.open = false;
});

if (role === 'reader')
  empty.querySelector('span').textContent = 'The first published post will appear by itself; there is no need to reload.';
