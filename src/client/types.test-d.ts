// Compiled, never run: what must not compile is marked, and a mark without an error is an error.
import { createClient as createCoreClient } from './core.ts';
import { createClient, type Answer, type Change, type Kept, type Snapshot, type SocketLike } from './index.ts';
import type { Key, ResetReason } from '../protocol/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(same: Same<A, B>): boolean => same;

/** As the server's `Endpoint` carries it; Buffer stands for Node's own, which a page does not have. */
interface Buffer extends Uint8Array {
  readonly node: true;
}
interface Post {
  id: number;
  blogId: number;
  title: string;
  views: bigint;
  at: Date | null;
  picture: Buffer | null;
  parts: Buffer[];
  notes: string;
}
interface App {
  readonly path: string;
  readonly types?: {
    readonly streams: {
      readonly posts: {
        row: Post;
        fields: 'blogId' | 'title' | 'views' | 'at' | 'picture' | 'parts';
        writable: 'blogId' | 'title' | 'at' | 'picture';
        params: 'blogId';
        insert: { id?: number; blogId: number; title: string; views?: bigint; at?: Date | null; picture?: Buffer | null; notes?: string };
        key: 'id';
        user: null;
      };
      readonly log: {
        row: { id: number; line: string };
        fields: 'line';
        writable: never;
        params: never;
        insert: { line: string };
        key: never;
        user: null;
      };
      readonly chat: { readonly consumer: true };
      readonly publish: {
        readonly command: true;
        readonly input: { id: number };
        readonly output: Promise<{ at: Date; size: bigint; tags: string[] }>;
      };
    };
  };
}

const client = createClient<App>('/binding/');
const posts = client.stream('posts', { blogId: 7 });
const log = client.stream('log');
const chat = client.stream('chat');

// Streams.
client.stream('posts');
// @ts-expect-error a stream that the endpoint does not offer
client.stream('users');
// @ts-expect-error no name at all
client.stream();
// @ts-expect-error an endpoint is an object with streams
createClient<{ types?: { streams: { posts: { row: Post } } } }>('/');

// Params.
// @ts-expect-error another type
client.stream('posts', { blogId: '7' });
// @ts-expect-error a column that groups nothing
client.stream('posts', { title: 'x' });
// @ts-expect-error one too many
client.stream('posts', { blogId: 7, title: 'x' });
// @ts-expect-error one too few
client.stream('posts', {});
// @ts-expect-error a stream without params
client.stream('log', {});
// @ts-expect-error a consumer of the app's own
client.stream('chat', { room: 1 });

// A list: of each of them.
client.stream('posts', { blogId: [7, 8] });
// @ts-expect-error of another type
client.stream('posts', { blogId: ['7'] });
// @ts-expect-error a command has no rows
client.stream('publish');

// Commands.
void client.call('publish', { id: 3 }, { optimistic: () => void posts.update(3, { title: 'T' }) }).then((answer) => {
  if (answer.ok) is<typeof answer.value, { readonly at: string; readonly size: string; readonly tags: readonly string[] }>(true);
});
// @ts-expect-error another input
void client.call('publish', { id: '3' });
// @ts-expect-error no input
void client.call('publish');
// @ts-expect-error a stream is no command
void client.call('posts', { id: 3 });
// @ts-expect-error no such command
void client.call('unpublish', { id: 3 });

// Several writes as one, a precondition, a way of the app's own.
void client
  .batch(() => {
    void posts.update(3, { title: 'T' });
    void posts.delete(4, { ifMatch: { title: 'T' } });
  })
  .then((answer) => answer.ok && is<typeof answer.pks, readonly Key[]>(true));
void posts.update(3, { title: 'T' }, { ifMatch: true });
// @ts-expect-error no such field
void posts.update(3, { title: 'T' }, { ifMatch: { notes: 'x' } });
void posts.optimistic(3, { views: 4n }, (receipt) => Promise.resolve(receipt.length)).then((n) => is<typeof n, number>(true));
// @ts-expect-error another type
void posts.optimistic(3, { views: 4 }, () => Promise.resolve());

// A page that is rendered on the server.
void client
  .snapshot(['log', ['posts', { blogId: 7 }]])
  .then((snapshot: Snapshot) => is<Snapshot, Kept>(true) && createClient('/', { snapshot }));
// @ts-expect-error no such stream
void client.snapshot(['users']);
is<ReturnType<typeof client.peek<'posts'>>['current']['rows'], typeof posts.rows>(true);

// Rows as they arrive.
posts.on('create', ({ action, pk, data }) => {
  is<typeof action, 'create' | 'update'>(true);
  is<typeof pk, Key>(true);
  is<typeof data.title, string>(true);
  is<typeof data.views, bigint>(true);
  is<typeof data.at, Date | null>(true);
  is<typeof data.picture, Uint8Array | null>(true);
  is<typeof data.parts, readonly Uint8Array[]>(true);
  is<typeof data.id, number>(true); // the key, though it is no field
  is<keyof typeof data, 'id' | 'blogId' | 'title' | 'views' | 'at' | 'picture' | 'parts'>(true);
  // @ts-expect-error a column that is not among the fields
  void data.notes;
  // @ts-expect-error nothing that arrives is to be changed
  data.title = 'x';
});
posts.on('delete', ({ pk, data }) => {
  is<typeof data, null>(true);
  void posts.delete(pk);
});
posts.on('change', (change) => {
  if (change.action === 'delete') is<typeof change.data, null>(true);
  else is<typeof change.data.title, string>(true);
  // @ts-expect-error a delete has no data
  void change.data.title;
});
posts.on('commit', ({ changes, merged }) => {
  is<(typeof changes)[number]['action'], Change['action']>(true);
  is<typeof merged, boolean>(true);
});
posts.on('reset', (reason) => is<typeof reason, ResetReason>(true));
posts.on('ready', () => undefined);
posts.on('progress', ({ count, total }) => is<[typeof count, typeof total], [number, number | null]>(true));
posts.on('status', (status) => is<typeof status, typeof posts.status>(true));
// @ts-expect-error no such event
posts.on('updated', () => undefined);
// @ts-expect-error `on` gives the way to stop
posts.on('ready', () => undefined).remove();

// Rows as they are.
for (const row of posts.rows) {
  is<typeof row.title, string>(true);
  is<typeof row.picture, Uint8Array | null>(true);
  is<ReturnType<typeof posts.pk>, Key>(true);
  void posts.update(posts.pk(row), { title: 'T' });
  // @ts-expect-error a column that is not among the fields
  void row.notes;
  // @ts-expect-error nothing that arrives is to be changed
  row.title = 'x';
}
// @ts-expect-error rows come from the server
posts.rows.push({});
// @ts-expect-error of another stream
posts.pk({ line: 'x' });
is<typeof posts.status, 'idle' | 'syncing' | 'live' | 'stale' | 'offline' | 'failed' | 'signed-out'>(true);
is<typeof posts.progress.total, number | null>(true);
void posts.row(3)?.title;
void posts.row([3n, 'a']);
// @ts-expect-error it may not be there
void posts.row(3).title;
// @ts-expect-error a consumer of the app's own has no rows
void chat.rows;

// Writes.
is<ReturnType<typeof posts.create>, Promise<Answer>>(true);
void posts.create({ title: 'T' });
void posts.create({ title: 'T', blogId: 7, at: null, picture: new Uint8Array() });
void posts.update(3, { title: 'T' });
void posts.update(3n, { at: new Date() });
void posts.update([3, 'a', new Date()], {});
void posts.delete('0b0d5f0e-3c1a-4f6e-9a55-6a1f6ad0c6b1');
// @ts-expect-error what has no default is wanted
void posts.create({});
// @ts-expect-error a field that is seen and not writable
void posts.create({ title: 'T', views: 1n });
// @ts-expect-error a column that is neither
void posts.update(3, { notes: 'x' });
// @ts-expect-error another type
void posts.update(3, { title: 3 });
// @ts-expect-error no such column
void posts.update(3, { titel: 'x' });
// @ts-expect-error which one?
void posts.update({ title: 'x' });
// @ts-expect-error a key is no function
void posts.delete(() => 3);
// @ts-expect-error nothing of it is writable
void log.create({ line: 'x' });
// @ts-expect-error nothing of it is writable
void log.update(1, { line: 'x' });
// @ts-expect-error a binding takes no messages
posts.send('x');

// A stream of the app's own.
chat.send({ text: 'x' });
chat.on('message', (payload) => void payload);
// @ts-expect-error it has no rows
void chat.create({});
// @ts-expect-error it has no rows
chat.on('update', () => undefined);

// Answers.
void posts.delete(3).then((answer) => {
  if (answer.ok) {
    is<typeof answer.pk, Key>(true);
    // @ts-expect-error nothing was refused
    void answer.code;
    return;
  }
  if (answer.code === 'closed' || answer.code === 'invalid') void answer.fields?.['title'];
  // @ts-expect-error no such code
  if (answer.code === 'nope') return;
});

// The client.
is<typeof client.status, 'connecting' | 'open' | 'waiting' | 'signed-out' | 'failed' | 'closed'>(true);
client.on('status', (status) => is<typeof status, typeof client.status>(true));
client.on('error', ({ code, message, stream }) => void [code, message, stream]);
// @ts-expect-error no such event
client.on('open', () => undefined);
// @ts-expect-error only the connection sets it
client.status = 'open';

// Without types everything may be there.
const any = createClient('ws://host/');
any.stream('whatever', { a: 1 }).on('update', ({ data }) => is<(typeof data)[string], unknown>(true));
any.stream('whatever').send(1);
void any.stream('whatever').create({ a: 1 });

// Credentials, and what a simulation holds.
createClient('/', { token: () => 'a' });
createClient('/', { token: async () => 'a' });
// @ts-expect-error a token is text
createClient('/', { token: () => 3 });
createClient('/', { clock: { now: () => 0, after: () => ({ cancel: () => undefined }) }, random: () => 0.5, name: 'client-1' });

// Sockets.
createClient('/', { webSocket: WebSocket });
createClient('/', { socket: () => new WebSocket('ws://host/') });
const plain = (): SocketLike => ({ onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined });
createClient('/', { socket: plain });
plain().onmessage?.({ data: 'x' });
plain().onclose?.({ code: 1000, reason: '' });
// @ts-expect-error it cannot send
createClient('/', { socket: () => ({ onopen: null, onmessage: null, onclose: null, close: () => undefined }) });

// The slim client: rows and writes.
const slim = createCoreClient<App>('/binding/');
const slimPosts = slim.stream('posts', { blogId: 7 });
is<typeof slimPosts, typeof posts>(true);
void slim.batch(() => void slimPosts.update(3, { title: 'New' }));
void slim.call('publish', { id: 3 });
slim.on('refused', () => undefined);
// @ts-expect-error one handle is one view there
slim.stream('posts', { blogId: [1, 2] });
// @ts-expect-error nor does it keep a list of what is pending
slim.on('pending', () => undefined);
// @ts-expect-error nor does it look at what it has not asked for
slim.peek('posts');
