import { describe, expect, test } from 'vitest';
import { at, held, type Held } from '../../test/support/held-client.ts';
import { record, STREAMS } from '../../test/support/scripted-client.ts';
import type { RowsFrame, ServerFrame, StreamInfo } from '../protocol/index.ts';
import type { ClientOptions, Complaint } from './index.ts';

type Stream = ReturnType<Held['client']['stream']>;

const rows = (view: number, ...all: RowsFrame['rows']): RowsFrame => ({ type: 'rows', view, rows: all, count: all.length, total: null });
const ready = (view: number, n: number): ServerFrame => ({ type: 'ready', view, position: at(n), token: `of ${view}` });

/** Two views with a row each, ready at 5. */
function live(options: ClientOptions = {}): Held & { readonly posts: Stream; readonly intval: Stream } {
  return begun(held(options));
}

/** The same with credentials, which are asked for first. */
async function signedIn(options: ClientOptions): Promise<ReturnType<typeof live>> {
  const made = held(options);
  await turn();
  return begun(made);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function begun(made: Held): Held & { readonly posts: Stream; readonly intval: Stream } {
  const [posts, intval] = [made.client.stream('posts', { blogId: 7 }), made.client.stream('intval')];
  made.clock.pass();
  made.socket.welcome();
  made.socket.sent();
  made.socket.say({ type: 'subscribed', id: 1, view: 12 }, rows(12, [1, { title: 'one' }]), ready(12, 5));
  made.socket.say({ type: 'subscribed', id: 2, view: 2 }, rows(2, [1, { name: 'n', value: 0 }]), ready(2, 5));
  // The getter of `held` is to stay one.
  return Object.create(made, { posts: { value: posts }, intval: { value: intval } }) as ReturnType<typeof live>;
}

/** The connection is lost, and there is another one. Gives what is asked for on it. */
function back(made: Held, streams?: Readonly<Record<string, StreamInfo | null>>): readonly unknown[] {
  made.socket.end(1006);
  made.clock.pass(500);
  made.socket.welcome(streams);
  return made.socket.sent();
}

describe('where a view is gone on from', () => {
  const asked = (posts: string, intval: string): unknown[] => [
    { type: 'hello', client: 'held-client' },
    { type: 'subscribe', id: 3, stream: 'posts', params: { blogId: 7 }, at: posts, token: 'of 12' },
    { type: 'subscribe', id: 4, stream: 'intval', at: intval, token: 'of 2' },
  ];

  test('is its `ready`', () => {
    expect(back(live())).toEqual(asked(at(5), at(5)));
  });

  test('is the last commit after it, whichever view that changed', () => {
    const made = live();
    made.socket.say({ type: 'commit', position: at(6), changes: [[12, 'delete', 1]] }, { type: 'commit', position: at(7), changes: [] });
    expect(back(made)).toEqual(asked(at(7), at(7)));
  });

  test('is the last ping with a position, and never goes back', () => {
    const made = live();
    made.socket.say({ type: 'ping', position: at(9) }, { type: 'ping' }, { type: 'ping', mark: 3 });
    made.socket.say({ type: 'commit', position: at(8), changes: [[12, 'delete', 1]] });
    expect(back(made)).toEqual(asked(at(9), at(9)));
  });

  test('is nowhere in the middle of a commit', () => {
    const made = live();
    made.socket.say({ type: 'commit', position: at(6), changes: [[12, 'delete', 1]], more: true });
    expect(back(made)).toEqual(asked(at(5), at(5)));
    made.socket.say({ type: 'subscribed', id: 3, view: 12 }, { type: 'commit', position: at(7), changes: [] });
    expect(made.posts.rows).toHaveLength(1);
  });

  test('is where it was for a view that is read again, and nowhere for one that was never ready', () => {
    const made = live();
    made.client.stream('posts', { blogId: 8 });
    made.clock.pass();
    made.socket.say({ type: 'subscribed', id: 3, view: 13 }, rows(13, [1, { title: 'x' }]), { type: 'ping', position: at(8) });
    made.socket.say({ type: 'reset', position: at(9), views: [12], reason: 'bulk' }, { type: 'ping', position: at(9) });
    expect(back(made)).toEqual([
      { type: 'hello', client: 'held-client' },
      { type: 'subscribe', id: 4, stream: 'posts', params: { blogId: 7 }, at: at(8), token: 'of 12' },
      { type: 'subscribe', id: 5, stream: 'intval', at: at(9), token: 'of 2' },
      { type: 'subscribe', id: 6, stream: 'posts', params: { blogId: 8 } },
    ]);
    expect(made.posts.rows).toEqual([{ title: 'one' }]);
  });

  test('is of the rows that are shown: what was read in their place is worth nothing', () => {
    const made = live();
    made.socket.say({ type: 'reset', position: at(9), views: [12], reason: 'bulk' }, rows(12, [4, { title: 'of the last connection' }]));
    back(made);
    made.socket.say(
      { type: 'subscribed', id: 3, view: 14 },
      { type: 'commit', position: at(10), changes: [[14, 'create', 5, { title: 'five' }]] },
    );
    expect(made.posts.rows).toEqual([{ title: 'one' }, { title: 'five' }]);
    made.socket.say({ type: 'ready', view: 14, position: at(10), token: 'of 14' });
    expect(made.posts.rows).toEqual([{ title: 'one' }, { title: 'five' }]);
  });

  test('a ping does not move a view that loads', () => {
    const made = live();
    back(made);
    made.socket.say({ type: 'subscribed', id: 4, view: 2 }, ready(2, 6), { type: 'ping', position: at(9) });
    made.socket.say({ type: 'subscribed', id: 3, view: 12 }, { type: 'ping', position: at(10) });
    expect(back(made).slice(1)).toMatchObject([{ at: at(5) }, { at: at(10) }]);
  });

  test('is nowhere when the fields are of other kinds', () => {
    const made = live();
    const posts: StreamInfo = { ...(STREAMS['posts'] as StreamInfo), fields: { title: ['text', 'string'], size: ['int', 'number'] } };
    expect(back(made, { ...STREAMS, posts }).slice(1)).toEqual([
      { type: 'subscribe', id: 3, stream: 'posts', params: { blogId: 7 } },
      { type: 'subscribe', id: 4, stream: 'intval', at: at(5), token: 'of 2' },
    ]);
  });
});

describe('a view that is gone on from', () => {
  test('goes from live to stale and back, its rows shown all the while, and what it missed is told commit by commit', () => {
    const made = live();
    const [before] = [made.posts.rows];
    const log = record(made.posts);
    made.socket.end(1006);
    expect([made.posts.status, made.posts.rows]).toEqual(['offline', before]);
    made.clock.pass(500);
    made.socket.welcome();
    made.socket.say({ type: 'subscribed', id: 3, view: 20 });
    expect([made.posts.status, made.posts.rows]).toEqual(['stale', before]);
    made.socket.say(
      { type: 'commit', position: at(6), changes: [[20, 'update', 1, { title: 'two' }]] },
      { type: 'commit', position: at(7), changes: [[20, 'update', 1, { title: 'three' }]], merged: true },
      ready(20, 8),
    );
    expect([made.posts.status, made.posts.rows]).toEqual(['live', [{ title: 'three' }]]);
    expect(log.filter(([event]) => event !== 'change')).toEqual([
      ['status', 'offline'],
      ['status', 'stale'],
      ['update', { action: 'update', pk: 1, data: { title: 'two' } }],
      ['commit', { changes: expect.any(Array) as unknown, merged: false, position: expect.any(String) as string }],
      ['update', { action: 'update', pk: 1, data: { title: 'three' } }],
      ['commit', { changes: expect.any(Array) as unknown, merged: true, position: expect.any(String) as string }],
      ['status', 'live'],
      ['ready', undefined],
    ]);
  });

  test('and is cut off again meanwhile goes on from what it has by then', () => {
    const made = live();
    back(made);
    made.socket.say(
      { type: 'subscribed', id: 3, view: 20 },
      { type: 'commit', position: at(6), changes: [[20, 'create', 2, { title: 'two' }]] },
    );
    expect(back(made).slice(1)).toMatchObject([
      { at: at(6), token: 'of 12' },
      { at: at(5), token: 'of 2' },
    ]);
    expect(made.posts.rows).toHaveLength(2);
  });

  test('and may not be keeps its rows until the others are there, and shows what differs', () => {
    const made = live();
    const log = record(made.posts);
    back(made);
    log.length = 0;
    made.socket.say(
      { type: 'subscribed', id: 3, view: 20 },
      { type: 'reset', position: at(9), views: [20], reason: 'retention' },
      rows(20, [1, { title: 'one' }], [2, { title: 'two' }]),
    );
    expect([made.posts.status, made.posts.rows]).toEqual(['stale', [{ title: 'one' }]]);
    made.socket.say(ready(20, 9));
    expect([made.posts.status, made.posts.rows]).toEqual(['live', [{ title: 'one' }, { title: 'two' }]]);
    expect(log.map(([event]) => event)).toEqual(['reset', 'progress', 'create', 'change', 'commit', 'status', 'ready']);
  });

  test('and is refused is empty: nobody may go on showing it', () => {
    const made = live();
    back(made);
    made.socket.say({ type: 'error', id: 3, code: 'forbidden', message: 'not any more' });
    expect([made.posts.status, made.posts.rows]).toEqual(['failed', []]);
    expect(made.intval.rows).toHaveLength(1);
  });
});

describe('what a view says of itself', () => {
  test('before it is asked for is idle, and offline when the connection is lost before its rows came', () => {
    const made = held();
    const posts = made.client.stream('posts');
    expect(posts.status).toBe('idle');
    made.clock.pass();
    made.socket.welcome();
    expect(posts.status).toBe('syncing');
    made.socket.end(1006);
    expect(posts.status).toBe('offline');
  });

  test('without any rows is offline from the first try that failed until one that did not, and then syncing', () => {
    const made = held();
    const posts = made.client.stream('posts');
    const log = record(posts);
    made.clock.pass();
    made.client.reconnect();
    expect(posts.status).toBe('idle');
    for (let tries = 0; tries < 3; tries++) {
      made.socket.end(1006);
      expect([made.client.status, posts.status]).toEqual(['waiting', 'offline']);
      made.clock.pass(20_000);
      expect([made.client.status, posts.status]).toEqual(['connecting', 'offline']);
    }
    expect(made.client.stream('intval').status).toBe('offline');
    made.socket.welcome();
    expect(log).toEqual([
      ['status', 'offline'],
      ['status', 'syncing'],
    ]);
  });

  test('is stale for as long as the server says that it cannot read what is new', () => {
    const made = live();
    const log = record(made.posts);
    made.socket.say({ type: 'ping', position: at(6), stale: 12 }, { type: 'ping', mark: 9 });
    expect(made.posts.status).toBe('stale');
    made.socket.say({ type: 'ping', position: at(6), stale: 32 }, { type: 'ping', position: at(6) });
    expect(log).toEqual([
      ['status', 'stale'],
      ['status', 'live'],
    ]);
  });

  test('is failed when no server will have the client, and begins anew when the app says so', () => {
    const made = live();
    made.socket.end(4000);
    expect([made.client.status, made.posts.status, made.posts.rows.length]).toEqual(['failed', 'failed', 1]);
    made.client.reconnect();
    made.socket.welcome();
    made.socket.sent();
    made.socket.say({ type: 'subscribed', id: 3, view: 12 }, ready(12, 6));
    expect([made.posts.status, made.posts.rows.length]).toEqual(['live', 1]);
  });
});

describe('a connection without a word', () => {
  test('for two and a half heartbeats is dropped, and another one made', () => {
    const made = live(); // a heartbeat is 20 s
    const [first] = made.sockets;
    made.clock.pass(49_999);
    expect(made.client.status).toBe('open');
    made.clock.pass(1);
    expect([made.client.status, made.posts.status, first?.closed]).toEqual(['waiting', 'offline', 1000]);
    made.clock.pass(500);
    expect([made.client.status, made.sockets.length]).toEqual(['connecting', 2]);
  });

  test('is one with a word when anything at all comes', () => {
    const made = live();
    for (let n = 0; n < 20; n++) {
      made.clock.pass(49_000);
      made.socket.say(n % 2 ? { type: 'ping' } : { type: 'message', stream: null, payload: 1 });
    }
    expect([made.client.status, made.sockets.length]).toEqual(['open', 1]);
  });

  test('is given up before its welcome as well', () => {
    const made = held();
    made.clock.pass(62_500);
    expect(made.client.status).toBe('waiting');
  });

  test('is watched by one timer, which ends with the client', () => {
    const made = live();
    expect(made.clock.pending).toBe(1);
    for (let n = 0; n < 100; n++) made.socket.say({ type: 'ping', position: at(n) });
    made.clock.pass(25_000);
    expect(made.clock.pending).toBe(1);
    made.client.close();
    expect(made.clock.pending).toBe(0);
  });
});

describe('a server that goes', () => {
  test('says when to come back', () => {
    const made = live();
    made.socket.say({ type: 'going', retryMs: 3_120 });
    made.socket.end(4300);
    made.clock.pass(3_119);
    expect([made.client.status, made.sockets.length]).toEqual(['waiting', 1]);
    made.clock.pass(1);
    expect(made.sockets.length).toBe(2);
    made.socket.end(1006); // nobody said anything this time
    made.clock.pass(500);
    expect(made.sockets.length).toBe(3);
  });
});

describe('a ping with a mark', () => {
  test('is answered at once, and each by itself', () => {
    const { socket } = live();
    socket.say({ type: 'ping', mark: 262_301 }, { type: 'ping', position: at(6) }, { type: 'ping', mark: 524_602 });
    expect(socket.sent()).toEqual([
      { type: 'at', mark: 262_301 },
      { type: 'at', mark: 524_602 },
    ]);
  });
});

describe('credentials that run out', () => {
  /** There is one, and then there is none. */
  const once = (first: string): (() => Promise<string>) => {
    let asked = 0;
    return () => (asked++ === 0 ? Promise.resolve(first) : Promise.reject(new Error('no network')));
  };
  const errorsOf = (made: Held): Complaint[] => {
    const errors: Complaint[] = [];
    made.client.on('error', (error) => errors.push(error));
    return errors;
  };

  test('are replaced by newer ones, asked for when the server says so', async () => {
    const made = await signedIn({ token: async () => 'newer' });
    const errors = errorsOf(made);
    made.socket.say({ type: 'expiring', seconds: 60 });
    await turn();
    expect(made.socket.sent()).toEqual([{ type: 'refresh', id: 3, token: 'newer' }]);
    made.socket.say({ type: 'refreshed', id: 3 });
    expect([errors, made.client.status, made.posts.status]).toEqual([[], 'open', 'live']);
  });

  test('and are refused are an error of the client, and the connection stays until the server ends it', async () => {
    const made = await signedIn({ token: () => 'newer' });
    const errors = errorsOf(made);
    made.socket.say({ type: 'expiring', seconds: 60 });
    await turn();
    made.socket.say({ type: 'error', id: 3, code: 'forbidden', message: 'these credentials do not do' });
    expect([errors, made.client.status]).toEqual([[{ code: 'forbidden', message: 'these credentials do not do' }], 'open']);
    made.socket.end(4101);
    expect([made.client.status, made.posts.status]).toEqual(['connecting', 'offline']);
    await turn();
    made.socket.end(4100); // nor are those that were asked for then
    expect([made.client.status, made.posts.status]).toEqual(['signed-out', 'signed-out']);
  });

  test('and cannot be had are an error of the client', async () => {
    const made = await signedIn({ token: once('first') });
    const errors = errorsOf(made);
    made.socket.say({ type: 'expiring', seconds: 60 });
    await turn();
    expect(made.socket.sent()).toEqual([]);
    expect(errors).toEqual([{ code: 'forbidden', message: expect.stringContaining('no network') as string }]);
  });

  test('and come when there is another connection, or none, are for nobody', async () => {
    const answers: ((token: string) => void)[] = [];
    let asked = 0;
    const made = await signedIn({ token: () => (asked++ === 0 ? 'first' : new Promise((resolve) => answers.push(resolve))) });
    const errors = errorsOf(made);
    made.socket.say({ type: 'expiring', seconds: 60 }, { type: 'expiring', seconds: 30 });
    made.socket.end(1006);
    answers[0]?.('late');
    await turn();
    made.clock.pass(500);
    answers[2]?.('another');
    await turn();
    made.socket.welcome();
    made.socket.sent();
    answers[1]?.('later');
    await turn();
    expect([made.socket.sent(), errors]).toEqual([[], []]);
  });

  test('without a supplier are left to the server', async () => {
    const made = live();
    made.socket.say({ type: 'expiring', seconds: 60 });
    await turn();
    expect(made.socket.sent()).toEqual([]);
  });
});
