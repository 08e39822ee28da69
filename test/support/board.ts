import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  createClient,
  liveStream,
  type Answer,
  type Bound,
  type Client,
  type ClientOptions,
  type StreamView,
} from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, groupBy, type Endpoint } from '../../src/main/index.ts';
import { world, type World } from './world.ts';

const post = sqliteTable('post', {
  id: integer('id').primaryKey(),
  blogId: integer('blog_id').notNull(),
  title: text('title').notNull(),
  body: text('body'),
});
const binding = bindingFor<{ readonly id: string } | null>();
const create = z.looseObject({ title: z.string().min(1, 'say something') });
const update = create.partial();

/** Posts by blog. A title must not be empty, and "forbidden" is. */
export const bindings = {
  posts: binding(drizzle(post), {
    fields: ['blogId', 'title', 'body'],
    groupNames: groupBy('blogId'),
    canSubscribe: () => true,
    hasPermission: (_user, _action, _pk, { data }) => data.title !== 'forbidden',
    validate: { create, update },
  }),
};
export type App = Endpoint<typeof bindings>;

/** A client and what it sent: which views the server was asked for, and which of them were left. */
export interface Asking {
  readonly client: Client<App>;
  /** Views asked for so far. */
  readonly asked: () => number;
  /** Views that are followed now. */
  readonly held: () => number;
}

export interface Board extends AsyncDisposable {
  readonly world: World<typeof bindings>;
  /** Somebody else, who writes at once. */
  readonly other: Client<App>;
  /** Leaves views at once, unless `linger` is given. */
  asking(options?: ClientOptions): Asking;
}

/** A board of posts that clients read and write over real sockets. */
export async function board({ path = '/' } = {}): Promise<Board> {
  const made = await world({ bindings });
  made.live.endpoint(path, { authenticate: () => ({ id: 'me' }) });
  const other = made.live.as({ id: 'other' });
  const clients: Client<App>[] = [];
  return {
    world: made,
    other,
    asking(options = {}) {
      const frames: { readonly type: string }[] = [];
      class Heard extends WebSocket {
        override send(text: string): void {
          frames.push(JSON.parse(text) as { type: string });
          super.send(text);
        }
      }
      const client = createClient<App>(made.url(path), { linger: 0, webSocket: Heard as never, ...options });
      clients.push(client);
      const count = (type: string): number => frames.filter((frame) => frame.type === type).length;
      return { client, asked: () => count('subscribe'), held: () => count('subscribe') - count('unsubscribe') };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      other.close();
      await made[Symbol.asyncDispose]();
    },
  };
}

/** Makes a post by somebody else. Gives its key. */
export async function posted(
  other: Client<App>,
  data: { readonly blogId: number; readonly title: string; readonly body?: string },
): Promise<number> {
  const { blogId, ...rest } = data;
  return writing(other, blogId, (posts) => posts.create(rest));
}

/** Changes a post by somebody else. */
export async function changed(
  other: Client<App>,
  blogId: number,
  pk: number,
  data: { readonly title?: string; readonly body?: string },
): Promise<void> {
  await writing(other, blogId, (posts) => posts.update(pk, data));
}

export async function removed(other: Client<App>, blogId: number, pk: number): Promise<void> {
  await writing(other, blogId, (posts) => posts.delete(pk));
}

/** The posts of a blog as they are. */
export async function postsOf(by: Client<App>, blogId: number): Promise<readonly { readonly pk: number; readonly title: string }[]> {
  const { rows, pk } = await once(liveStream(by, 'posts', { blogId }), ({ status }) => status === 'live');
  return rows.map((row) => ({ pk: pk(row) as number, title: row.title }));
}

async function writing(
  by: Client<App>,
  blogId: number,
  write: (posts: StreamView<Bound<App, 'posts'>>) => Promise<Answer>,
): Promise<number> {
  const posts = liveStream(by, 'posts', { blogId });
  const off = posts.subscribe(() => undefined);
  await once(posts, ({ status }) => status === 'live');
  const answer = await write(posts.getSnapshot());
  off();
  if (!answer.ok) throw new Error(answer.message);
  return answer.pk as number;
}

/** Resolves once it is so, looked at whenever the store tells. */
export function once<S>(store: { subscribe(changed: () => void): () => void; getSnapshot(): S }, so: (shown: S) => boolean): Promise<S> {
  return new Promise((resolve) => {
    const look = (): void => {
      const shown = store.getSnapshot();
      if (!so(shown)) return;
      off();
      resolve(shown);
    };
    let off = (): void => undefined;
    off = store.subscribe(look);
    look();
  });
}
