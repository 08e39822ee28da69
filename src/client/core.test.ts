import { describe, expect, test } from 'vitest';
import { at, HeldClock, HeldSocket } from '../../test/support/held-client.ts';
import type { StreamInfo } from '../protocol/index.ts';
import { createClient } from './core.ts';
import type { CoreClient, PendingWrite } from './types.ts';

const POSTS: StreamInfo = { view: 1, key: [['id', ['int', 'number']]], fields: { title: ['text', 'string'] }, writable: ['title'] };

interface Made {
  readonly client: CoreClient;
  readonly posts: ReturnType<CoreClient['stream']>;
  readonly clock: HeldClock;
  readonly socket: HeldSocket;
}

/** A view with one row, ready at 5. Its first write has id 2. */
function live(): Made {
  const clock = new HeldClock();
  const sockets: HeldSocket[] = [];
  const socket = (): HeldSocket => {
    const made = new HeldSocket();
    sockets.push(made);
    return made;
  };
  const client = createClient('', { socket, clock, random: () => 0, name: 'core-client', linger: 0 });
  const posts = client.stream('posts', { blogId: 7 });
  const made: Made = {
    client,
    posts,
    clock,
    get socket() {
      return sockets.at(-1) as HeldSocket;
    },
  };
  clock.pass();
  made.socket.welcome({ posts: POSTS });
  expect(made.socket.sent().at(-1)).toEqual({ type: 'subscribe', id: 1, stream: 'posts', params: { blogId: 7 } });
  made.socket.say({ type: 'subscribed', id: 1, view: 1 });
  made.socket.say({ type: 'rows', view: 1, rows: [[1, { title: 'one' }]], count: 1, total: 1 });
  made.socket.say({ type: 'ready', view: 1, position: at(5), token: 't' });
  return made;
}

const titles = ({ posts }: Made): unknown[] => posts.rows.map(({ title }) => title);

describe('the slim client', () => {
  test('shows a write when the server has told it, and resolves then', async () => {
    const made = live();
    const answer = made.posts.update(1, { title: 'mine' });
    expect(made.socket.sent()).toMatchObject([{ type: 'write', id: 2, pk: 1, data: { title: 'mine' }, params: { blogId: 7 } }]);
    made.socket.say({ type: 'result', id: 2, ok: true, pk: 1, position: at(6) });
    expect(titles(made)).toEqual(['one']);
    made.socket.say({ type: 'commit', position: at(6), changes: [[1, 'update', 1, { title: 'mine' }]] });
    expect([await answer, titles(made)]).toEqual([{ ok: true, pk: 1 }, ['mine']]);
  });

  test('sends what has no answer again, in order, and goes on with its rows from where they are', () => {
    const made = live();
    void made.posts.create({ title: 'two' });
    void made.client.batch(() => {
      void made.posts.update(1, { title: 'mine' });
      void made.posts.delete(9);
    });
    void made.client.call('publish', { id: 1n });
    const sent = made.socket.sent();
    expect(sent).toMatchObject([
      { type: 'write' },
      { type: 'batch', writes: [{ pk: 1 }, { pk: 9 }] },
      { type: 'call', input: { id: '1' } },
    ]);
    made.socket.end(1006);
    made.clock.pass(500);
    made.socket.welcome({ posts: POSTS });
    const [, ...again] = made.socket.sent();
    expect(again.slice(0, 3)).toEqual(sent);
    expect(again.slice(3)).toMatchObject([{ type: 'subscribe', at: at(5), token: 't' }]);
  });

  test('says what was refused, whoever waits', async () => {
    const made = live();
    const refused: PendingWrite[] = [];
    made.client.on('refused', ({ write }) => refused.push(write));
    const answer = made.posts.delete(1);
    made.socket.say({ type: 'result', id: 2, ok: false, code: 'forbidden', message: 'no' });
    expect(await answer).toEqual({ ok: false, code: 'forbidden', message: 'no' });
    expect(refused).toEqual([{ stream: 'posts', action: 'delete', pk: 1, sent: true, kept: false }]);
    expect(titles(made)).toEqual(['one']);
  });

  test('runs a change that goes another way, and shows it when the server has told it', async () => {
    const made = live();
    expect(await made.posts.optimistic(1, { title: 'mine' }, (receipt) => Promise.resolve(receipt))).toBe('core-client.2');
    expect([titles(made), made.socket.sent()]).toEqual([['one'], []]);
  });

  test('answers what it was closed over', async () => {
    const made = live();
    const answers = [made.posts.delete(1), made.client.call('publish', null)];
    made.client.close();
    expect(await Promise.all(answers)).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
  });
});
