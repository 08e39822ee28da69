import { describe, expect, test } from 'vitest';
import { at, held, type Held } from '../../test/support/held-client.ts';
import type { ServerFrame, StreamInfo } from '../protocol/index.ts';
import type { Change, Client } from './index.ts';

// What handlers do while they are told, and what a page that looks all the time keeps.

const POSTS: StreamInfo = { view: 1, key: [['id', ['int', 'number']]], fields: { title: ['text', 'string'] }, writable: ['title'] };
const commit = (n: number, ...changes: Extract<ServerFrame, { type: 'commit' }>['changes']): ServerFrame => ({
  type: 'commit',
  position: at(n),
  changes,
});

type Rows = ReturnType<Client['stream']>;

function two(): Held & { readonly posts: Rows; readonly tags: Rows } {
  const made = held({});
  const [posts, tags] = [made.client.stream('posts'), made.client.stream('tags')];
  made.clock.pass();
  made.socket.welcome({ posts: POSTS, tags: { ...POSTS, view: 2 } });
  made.socket.say(
    { type: 'subscribed', id: 1, view: 1 },
    { type: 'subscribed', id: 2, view: 2 },
    { type: 'ready', view: 1, position: at(5), token: 'a' },
    { type: 'ready', view: 2, position: at(5), token: 'b' },
  );
  return Object.assign(made, { posts, tags });
}

/** What somebody has who goes by the events. */
function follow(stream: Rows, by: 'change' | 'commit'): Map<unknown, unknown> {
  const rows = new Map<unknown, unknown>();
  const put = ({ action, pk, data }: Change): void => void (action === 'delete' ? rows.delete(pk) : rows.set(pk, data?.['title']));
  if (by === 'change') stream.on('change', put);
  else stream.on('commit', ({ changes }) => changes.forEach(put));
  return rows;
}

describe.each(['change', 'commit'] as const)('who goes by %s', (by) => {
  test('has nothing of a user who is signed out in a handler', () => {
    const { client, posts, tags, socket } = two();
    posts.on('create', () => void client.signOut());
    const [ofPosts, ofTags] = [follow(posts, by), follow(tags, by)];
    socket.say(commit(6, [1, 'create', 1, { title: 'p' }], [2, 'create', 1, { title: 't' }]));
    expect([posts.rows, tags.rows]).toEqual([[], []]);
    expect([...ofPosts, ...ofTags]).toEqual([]);
  });

  test('has what the rows are, where a handler writes to a row of the same commit', () => {
    const { posts, socket } = two();
    let once = false;
    posts.on('update', ({ pk }) => {
      if (pk !== 1 || once) return;
      once = true;
      void posts.update(2, { title: 'mine' });
    });
    const followed = follow(posts, by);
    socket.say(commit(6, [1, 'create', 1, { title: 'one' }], [1, 'create', 2, { title: 'two' }]));
    socket.say(commit(7, [1, 'update', 1, { title: 'ONE' }], [1, 'update', 2, { title: 'TWO' }]));
    expect(posts.rows.map((row) => row['title'])).toEqual(['ONE', 'mine']);
    expect([...followed.values()]).toEqual(['ONE', 'mine']);
  });
});

test('who is taken out by a handler before it is told no more', () => {
  const { posts, socket } = two();
  const told: string[] = [];
  posts.on('create', () => {
    told.push('first');
    off();
  });
  const off = posts.on('create', () => told.push('second'));
  socket.say(commit(6, [1, 'create', 1, { title: 'p' }]));
  expect(told).toEqual(['first']);
});

test.each(['__proto__', 'constructor', 'toString', '__defineGetter__'])('a frame of a later server named %s is nothing', (type) => {
  const { client, socket } = two();
  socket.onmessage?.({ data: `{"type":${JSON.stringify(type)}}` });
  expect(client.status).toBe('open');
});
