import { describe, expect, test } from 'vitest';
import { at, held, type Held } from '../../test/support/held-client.ts';
import type { RowsFrame, ServerFrame, StreamInfo } from '../protocol/index.ts';
import type { Answer, ClientOptions } from './index.ts';

type Stream = ReturnType<Held['client']['stream']>;

const POSTS: StreamInfo = {
  view: 1,
  key: [['id', ['int', 'number']]],
  fields: { title: ['text', 'string'], size: ['bigint', 'bigint'] },
  writable: ['title', 'size'],
};

const rows = (...all: RowsFrame['rows']): RowsFrame => ({ type: 'rows', view: 1, rows: all, count: all.length, total: null });
const ready = (n: number): ServerFrame => ({ type: 'ready', view: 1, position: at(n), token: 'a token' });
const ok = (id: number, pk: number, n?: number): ServerFrame => ({
  type: 'result',
  id,
  ok: true,
  pk,
  ...(n !== undefined && { position: at(n) }),
});
const refused = (id: number): ServerFrame => ({
  type: 'result',
  id,
  ok: false,
  code: 'invalid',
  message: 'no',
  fields: { title: 'too long' },
});
const commit = (n: number, ...changes: Extract<ServerFrame, { type: 'commit' }>['changes']): ServerFrame => ({
  type: 'commit',
  position: at(n),
  changes,
});

/** A view with two rows, ready at 5. Its first write has id 2. */
function live(options: ClientOptions = {}): Held & { readonly posts: Stream } {
  const made = held(options);
  const posts = made.client.stream('posts');
  made.clock.pass();
  made.socket.welcome({ posts: POSTS });
  made.socket.say(
    { type: 'subscribed', id: 1, view: 1 },
    rows([1, { title: 'one', size: '1' }], [2, { title: 'two', size: '2' }]),
    ready(5),
  );
  made.socket.sent();
  return Object.create(made, { posts: { value: posts } }) as ReturnType<typeof live>;
}

function back(made: Held): readonly unknown[] {
  made.socket.end(1006);
  made.clock.pass(500);
  made.socket.welcome({ posts: POSTS });
  return made.socket.sent();
}

const titles = ({ posts }: { readonly posts: Stream }): unknown[] => posts.rows.map(({ title }) => title);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const told = (stream: Stream): unknown[] => {
  const log: unknown[] = [];
  stream.on('change', ({ action, pk, data }) => log.push([action, pk, data?.title]));
  return log;
};

describe('an update', () => {
  test('shows at once, stays until the commit that has it, and is told once', () => {
    const made = live();
    const log = told(made.posts);
    void made.posts.update(1, { title: 'mine' });
    expect(titles(made)).toEqual(['mine', 'two']);
    made.socket.say(ok(2, 1, 7), commit(6, [1, 'update', 2, { title: 'theirs', size: '2' }]));
    expect(titles(made)).toEqual(['mine', 'theirs']);
    const before = made.posts.rows[0];
    made.socket.say(commit(7, [1, 'update', 1, { title: 'mine', size: '1' }]));
    expect(made.posts.rows[0]).toBe(before);
    expect(log).toEqual([
      ['update', 1, 'mine'],
      ['update', 2, 'theirs'],
    ]);
  });

  test('lies on whatever others make of the row meanwhile, and gives way to what comes with it', () => {
    const made = live();
    void made.posts.update(1, { title: 'mine' });
    made.socket.say(commit(6, [1, 'update', 1, { title: 'theirs', size: '9' }]));
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'mine', size: 9n });
    made.socket.say(ok(2, 1, 7), commit(7, [1, 'update', 1, { title: 'made of mine', size: '9' }]));
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'made of mine', size: 9n });
    made.socket.say(commit(8, [1, 'update', 1, { title: 'theirs again', size: '9' }]));
    expect(titles(made)).toEqual(['theirs again', 'two']);
  });

  test('that is refused goes, and the client says so whoever waits', async () => {
    const made = live();
    const heard: unknown[] = [];
    made.client.on('refused', ({ write, answer }) => heard.push(write.action, write.pk, answer.code));
    const answer = made.posts.update(1, { title: 'mine' });
    made.socket.say(refused(2));
    expect(titles(made)).toEqual(['one', 'two']);
    expect(await answer).toMatchObject({ ok: false, code: 'invalid', fields: { title: 'too long' } });
    expect(heard).toEqual(['update', 1, 'invalid']);
  });

  test('resolves when the rows have it, not before', async () => {
    const made = live();
    let answer: Answer | undefined;
    void made.posts.update(1, { title: 'mine' }).then((given) => (answer = given));
    made.socket.say(ok(2, 1, 7));
    await turn();
    expect(answer).toBeUndefined();
    made.socket.say({ type: 'ping', position: at(7) });
    await turn();
    expect([answer, titles(made)]).toEqual([{ ok: true, pk: 1 }, ['one', 'two']]);
  });

  test('of one field leaves the write of another on top of it', () => {
    const made = live();
    void made.posts.update(1, { title: 'mine' });
    void made.posts.update(1, { size: 7n });
    made.socket.say(refused(2));
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'one', size: 7n });
  });

  test('whose answer came without a position stays until `seen`', () => {
    const made = live();
    void made.posts.update(1, { title: 'mine' });
    made.socket.say(ok(2, 1), { type: 'ping', position: at(6) });
    expect(titles(made)).toEqual(['mine', 'two']);
    made.socket.say({ type: 'seen', id: 2, position: at(8) }, commit(8, [1, 'update', 1, { title: 'as it is', size: '1' }]));
    expect(titles(made)).toEqual(['as it is', 'two']);
  });

  test('whose answer came without a position, before the connection was lost, stays until all that was missed is here', () => {
    const made = live();
    void made.posts.update(1, { title: 'mine' });
    made.socket.say(ok(2, 1));
    const shown: unknown[][] = [];
    made.posts.on('current', () => shown.push(titles(made)));
    back(made);
    made.socket.say({ type: 'subscribed', id: 3, view: 1 });
    made.socket.say(commit(6, [1, 'update', 2, { title: 'theirs', size: '2' }]));
    made.socket.say(commit(7, [1, 'update', 1, { title: 'made of mine', size: '1' }]), ready(7));
    expect(shown.map(([first]) => first)).toEqual([...shown.slice(1).map(() => 'mine'), 'made of mine']);
    expect(titles(made)).toEqual(['made of mine', 'theirs']);
  });

  test('of a row that is not there shows nothing', () => {
    const made = live();
    void made.posts.update(9, { title: 'mine' });
    expect(titles(made)).toEqual(['one', 'two']);
  });
});

describe('a row that is made', () => {
  test('has a key of its own, then the server’s; both are never there', async () => {
    const made = live();
    const seen: unknown[][] = [];
    made.posts.on('current', () => seen.push(titles(made)));
    const answer = made.posts.create({ title: 'new' });
    const [, , temporary] = made.posts.rows;
    expect(temporary).toMatchObject({ title: 'new' });
    expect(made.posts.row(made.posts.pk(temporary as never))).toBe(temporary);
    made.socket.say(ok(2, 3, 6), commit(6, [1, 'create', 3, { title: 'new', size: '0' }]));
    expect(await answer).toEqual({ ok: true, pk: 3 });
    expect(made.posts.row(3)).toEqual({ id: 3, title: 'new', size: 0n });
    expect(seen.map((each) => each.length)).toEqual(seen.map(() => 3));
  });

  test('has what the params of its view say, as its own fields say it; the frame says it once', () => {
    const made = held();
    const posts = made.client.stream('posts', { size: 7n, blogId: 1 });
    made.clock.pass();
    made.socket.welcome({ posts: POSTS });
    made.socket.say({ type: 'subscribed', id: 1, view: 1 }, ready(5));
    made.socket.sent();
    void posts.create({ title: 'new' }, { pk: 'one' });
    void posts.create({ blogId: 2 }, { pk: 'two' });
    expect(posts.rows).toEqual([
      { id: 'one', title: 'new', size: 7n, blogId: 1 },
      { id: 'two', size: 7n, blogId: 2 },
    ]);
    const params = { size: '7', blogId: 1 };
    expect(made.socket.sent()).toEqual([
      { type: 'write', id: 2, stream: 'posts', action: 'create', data: { title: 'new' }, params },
      { type: 'write', id: 3, stream: 'posts', action: 'create', data: { blogId: 2 }, params },
    ]);
  });

  test('has the name that it was given for its key, whatever keys are there', () => {
    const made = live();
    void made.posts.create({ title: 'new' }, { pk: 'by-name' });
    expect(made.posts.row('by-name')).toEqual({ id: 'by-name', title: 'new' });
  });

  test('before the first connection has a key of its own, in its columns as soon as these are known, and by that name it is asked for', () => {
    for (const key of [
      [['id', ['int', 'number']]],
      [['id', ['bigint', 'bigint']]],
      [
        ['a', ['int', 'number']],
        ['b', ['text', 'string']],
      ],
    ] as const) {
      const made = held({ random: Math.random });
      const posts = made.client.stream('posts');
      made.clock.pass();
      void posts.create({ title: 'one' });
      void posts.create({ title: 'two', size: 7n });
      const [one, two] = posts.rows.map((row) => posts.pk(row));
      const log: unknown[] = [];
      posts.on('change', ({ action, pk, data }) => log.push([action, pk, data?.title]));
      made.socket.welcome({ posts: { ...POSTS, key } });
      const named = (pk: unknown): unknown => Object.fromEntries(key.map(([name]) => [name, pk]));
      expect(posts.rows).toEqual([
        { ...(named(one) as object), title: 'one' },
        { ...(named(two) as object), title: 'two', size: 7n },
      ]);
      expect(one).not.toBe(two);
      expect(posts.row(one as never)).toBe(posts.rows[0]);
      expect(log).toEqual([
        ['update', one, 'one'],
        ['update', two, 'two'],
      ]);
    }
  });

  test('may be written to before it has its key: what is asked of it waits for it', () => {
    const made = live();
    void made.posts.create({ title: 'new' });
    const pk = made.posts.pk(made.posts.rows[2] as never);
    void made.posts.update(pk, { title: 'newer' });
    void made.posts.update(1, { title: 'behind' });
    expect(titles(made)).toEqual(['behind', 'two', 'newer']);
    expect(made.socket.sent()).toHaveLength(1);
    made.socket.say(ok(2, 3, 6), commit(6, [1, 'create', 3, { title: 'new', size: '0' }]));
    expect(titles(made)).toEqual(['behind', 'two', 'newer']);
    expect(made.socket.sent()).toMatchObject([
      { id: 3, pk: 3, data: { title: 'newer' } },
      { id: 4, pk: 1 },
    ]);
    void made.posts.delete(pk); // by whoever still holds the old key
    expect(made.socket.sent()).toMatchObject([{ id: 5, action: 'delete', pk: 3 }]);
  });

  test('and is refused takes what was asked of it along, and is never there without that', async () => {
    const made = live();
    void made.posts.create({ title: 'new' });
    const answer = made.posts.update(made.posts.pk(made.posts.rows[2] as never), { title: 'newer' });
    const shown: unknown[] = [];
    made.posts.on('current', () => shown.push(titles(made)));
    made.socket.say(refused(2));
    expect(await answer).toMatchObject({ ok: false, code: 'not_found' });
    expect(shown).toEqual([['one', 'two']]);
  });

  test('and is refused: nothing that was asked of it is ever sent, what else waited is', async () => {
    const made = live();
    void made.posts.create({ title: 'new' }, { pk: 9 });
    const answers = [
      made.posts.update(9, { title: 'newer' }),
      made.posts.update(9, { title: 'newest' }),
      made.client.batch(() => void [made.posts.update(1, { title: 'mine' }), made.posts.delete(9)]),
    ];
    void made.posts.delete(2);
    made.socket.sent();
    made.socket.say(refused(2));
    expect(made.socket.sent()).toEqual([{ type: 'write', id: 6, stream: 'posts', action: 'delete', pk: 2 }]);
    expect(await Promise.all(answers)).toMatchObject([{ code: 'not_found' }, { code: 'not_found' }, { code: 'not_found' }]);
    expect([titles(made), made.client.pending.length]).toEqual([['one'], 1]);
  });

  test('when the connection was lost before its answer: nothing is asked for before that is here', () => {
    const made = live();
    void made.posts.create({ title: 'new' });
    expect(back(made)).toMatchObject([{ type: 'hello' }, { type: 'write', id: 2 }]);
    expect(titles(made)).toEqual(['one', 'two', 'new']);
    made.socket.say(ok(2, 3, 7));
    expect(titles(made)).toEqual(['one', 'two', 'new']);
    expect(made.socket.sent()).toMatchObject([{ type: 'subscribe', at: at(5) }]);
    made.socket.say({ type: 'subscribed', id: 3, view: 1 }, commit(7, [1, 'create', 3, { title: 'new', size: '0' }]), ready(7));
    expect(titles(made)).toEqual(['one', 'two', 'new']);
  });
});

describe('a connection that is somebody else’s', () => {
  const back = (made: Held, user: string | null): void => {
    made.socket.end(1006);
    made.clock.pass(500);
    made.socket.welcome({ posts: POSTS }, 20, user);
  };
  const of = (user: string | null): ReturnType<typeof live> => {
    const made = live();
    back(made, user);
    made.socket.say({ type: 'subscribed', id: 2, view: 1 }, ready(5));
    made.socket.sent();
    return made;
  };

  test('has nothing sent that the one before asked, and shows none of their rows', async () => {
    for (const next of ['bob', null]) {
      const made = of('ann');
      const sent = made.posts.update(1, { title: 'of ann' });
      void made.posts.optimistic(null, { title: 'made by ann' }, () => new Promise(() => undefined));
      made.socket.end(1006);
      const waiting = made.posts.create({ title: 'new of ann' });
      made.clock.pass(2_000);
      made.socket.welcome({ posts: POSTS }, 20, next);
      expect(made.socket.sent().map(({ type }) => type)).toEqual(['hello', 'subscribe']);
      expect([made.posts.rows, made.client.pending]).toEqual([[], []]);
      const answer: unknown = { ok: false, code: 'closed', message: expect.stringContaining('may have been applied') };
      expect(await Promise.all([sent, waiting])).toEqual([answer, answer]);
    }
  });

  test('is one only where there was somebody: what is asked stays that of whoever signs in, or of who was there', () => {
    for (const [was, is] of [
      [null, 'ann'],
      ['ann', 'ann'],
    ] as const) {
      const made = of(was);
      void made.posts.update(1, { title: 'mine' });
      back(made, is);
      expect(made.socket.sent()).toMatchObject([{ type: 'hello' }, { type: 'write' }, { type: 'subscribe', at: at(5) }]);
      expect(titles(made)).toEqual(['mine', 'two']);
    }
  });

  test('is another’s again where who is told of it makes a new one', () => {
    const made = of('ann');
    void made.posts.update(1, { title: 'of ann' });
    made.client.on('refused', () => made.client.reconnect());
    back(made, 'bob');
    expect(made.client.status).toBe('connecting');
  });
});

describe('a batch', () => {
  test('is one frame, shows as a whole, and goes as a whole', async () => {
    const made = live();
    const each: Promise<Answer>[] = [];
    const all = made.client.batch(() => {
      each.push(made.posts.update(1, { title: 'mine' }), made.posts.delete(2), made.posts.create({ title: 'new' }));
    });
    expect(titles(made)).toEqual(['mine', 'new']);
    expect(made.socket.sent()).toMatchObject([
      { type: 'batch', id: 2, writes: [{ action: 'update' }, { action: 'delete' }, { action: 'create' }] },
    ]);
    made.socket.say({ type: 'result', id: 2, ok: false, code: 'forbidden', message: 'no', at: 1 });
    expect(titles(made)).toEqual(['one', 'two']);
    expect(await all).toMatchObject({ ok: false, at: 1 });
    expect(await Promise.all(each)).toMatchObject([{ code: 'forbidden' }, { code: 'forbidden' }, { code: 'forbidden' }]);
  });

  test('gives each write its key', async () => {
    const made = live();
    const each: Promise<Answer>[] = [];
    const all = made.client.batch(() => each.push(made.posts.update(1, { title: 'mine' }), made.posts.create({ title: 'new' })));
    made.socket.say({ type: 'result', id: 2, ok: true, pks: [1, 9], position: at(6) });
    expect(made.posts.row(9)).toMatchObject({ title: 'new' });
    made.socket.say(commit(6, [1, 'update', 1, { title: 'mine', size: '1' }], [1, 'create', 9, { title: 'new', size: '0' }]));
    expect(await all).toEqual({ ok: true, pks: [1, 9] });
    expect(await Promise.all(each)).toEqual([
      { ok: true, pk: 1 },
      { ok: true, pk: 9 },
    ]);
    expect(titles(made)).toEqual(['mine', 'two', 'new']);
  });

  test('of which one is refused here is not sent, and shows nothing', async () => {
    const made = live();
    const each: Promise<Answer>[] = [];
    const all = made.client.batch(() => {
      each.push(made.posts.update(1, { title: 'mine' }), made.posts.update(9, { title: 'x' }, { ifMatch: true }), made.posts.delete(2));
    });
    expect(await all).toMatchObject({ ok: false, code: 'not_found', at: 1 });
    expect(await Promise.all(each)).toMatchObject([{ code: 'not_found' }, { code: 'not_found' }, { code: 'not_found' }]);
    expect([made.socket.sent(), titles(made)]).toEqual([[], ['one', 'two']]);
  });

  test('of nothing is done', async () => {
    const made = live();
    expect(await made.client.batch(() => undefined)).toEqual({ ok: true, pks: [] });
    expect(made.socket.sent()).toEqual([]);
  });
});

describe('a call', () => {
  test('shows what it is going to do until it has, and gives what the command gave', async () => {
    const made = live();
    const answer = made.client.call('publish', { id: 1n }, { optimistic: () => void made.posts.update(1, { title: 'published' }) });
    expect(titles(made)).toEqual(['published', 'two']);
    expect(made.socket.sent()).toEqual([{ type: 'call', id: 2, stream: 'publish', input: { id: '1' } }]);
    made.socket.say({ type: 'result', id: 2, ok: true, value: { n: 1 }, position: at(6) });
    made.socket.say(commit(6, [1, 'update', 1, { title: 'published!', size: '1' }]));
    expect(await answer).toEqual({ ok: true, value: { n: 1 } });
    expect(titles(made)).toEqual(['published!', 'two']);
  });
});

describe('a change that goes another way', () => {
  test('shows until its receipt is seen', async () => {
    const made = live();
    const done = made.posts.optimistic(1, { title: 'mine' }, (receipt) => Promise.resolve(receipt));
    expect(await done).toBe('held-client.2');
    made.socket.say({ type: 'ping', position: at(6) });
    expect(titles(made)).toEqual(['mine', 'two']);
    made.socket.say({ type: 'seen', id: 2, position: at(7) }, commit(7, [1, 'update', 1, { title: 'theirs', size: '1' }]));
    expect(titles(made)).toEqual(['theirs', 'two']);
    expect(made.socket.sent()).toEqual([]);
  });

  test('goes when that way is answered with a refusal, which is then what it gives', async () => {
    const made = live();
    const response = new Response('no', { status: 500 });
    expect(await made.posts.optimistic(1, { title: 'mine' }, () => Promise.resolve(response))).toBe(response);
    expect(await made.posts.optimistic(2, null, () => Promise.resolve({ ok: false }))).toEqual({ ok: false });
    expect(titles(made)).toEqual(['one', 'two']);
    for (const other of [null, undefined, 'no', { ok: null }, new Response('yes')]) {
      expect(await made.posts.optimistic(1, { title: 'mine' }, () => Promise.resolve(other))).toBe(other);
      expect(titles(made)).toEqual(['mine', 'two']);
      made.clock.pass(5_000);
      expect(titles(made)).toEqual(['one', 'two']);
    }
  });

  test('goes when that way fails, or never says', async () => {
    const made = live();
    await expect(made.posts.optimistic(1, { title: 'mine' }, () => Promise.reject(new Error('500')))).rejects.toThrow('500');
    expect(titles(made)).toEqual(['one', 'two']);
    await made.posts.optimistic(null, { title: 'new' }, () => Promise.resolve());
    expect(titles(made)).toEqual(['one', 'two', 'new']);
    made.clock.pass(5_000);
    expect(titles(made)).toEqual(['one', 'two']);
  });
});

describe('a precondition', () => {
  test('is what the server told of the fields that are written, whatever shows', () => {
    const made = live();
    void made.posts.update(1, { title: 'first' });
    void made.posts.update(1, { title: 'second' }, { ifMatch: true });
    void made.posts.delete(2, { ifMatch: { size: 2n } });
    expect(made.socket.sent()).toMatchObject([{ id: 2 }, { id: 3, if: { title: 'one' } }, { id: 4, if: { size: '2' } }]);
  });

  test('of a row that was never told is none', async () => {
    expect(await live().posts.update(9, { title: 'x' }, { ifMatch: true })).toEqual({
      ok: false,
      code: 'not_found',
      message: 'no such row here yet: nothing to match',
    });
  });
});

describe('rapid edits', () => {
  test('of one row are one write, where that is asked for', async () => {
    const made = live({ coalesce: 100 });
    const answers = [made.posts.update(1, { title: 'm' }), made.posts.update(1, { title: 'mi' }), made.posts.update(1, { size: 3n })];
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'mi', size: 3n });
    expect(made.socket.sent()).toEqual([]);
    made.clock.pass(100);
    expect(made.socket.sent()).toMatchObject([{ type: 'write', id: 2, data: { title: 'mi', size: '3' } }]);
    made.socket.say(ok(2, 1, 6), commit(6, [1, 'update', 1, { title: 'mi', size: '3' }]));
    expect(await Promise.all(answers)).toEqual([1, 2, 3].map(() => ({ ok: true, pk: 1 })));
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'mi', size: 3n });
    made.socket.say(commit(7, [1, 'update', 1, { title: 'theirs', size: '4' }]));
    expect(made.posts.row(1)).toEqual({ id: 1, title: 'theirs', size: 4n });
  });

  test('of several rows are a write each, and so are those with something else between them', () => {
    const made = live({ coalesce: 100 });
    void made.posts.update(1, { title: 'mine' });
    void made.posts.update(2, { title: 'mine, too' });
    void made.posts.update(1, { title: 'mine again' });
    void made.posts.delete(2);
    void made.posts.update(1, { title: 'the last' });
    made.clock.pass(100);
    expect(made.socket.sent()).toMatchObject([
      { id: 2, pk: 1, data: { title: 'mine' } },
      { id: 3, pk: 2, data: { title: 'mine, too' } },
      { id: 4, pk: 1, data: { title: 'mine again' } },
      { id: 5, action: 'delete', pk: 2 },
      { id: 6, pk: 1, data: { title: 'the last' } },
    ]);
  });
});

describe('lists of params', () => {
  const IN: StreamInfo = { ...POSTS, fields: { title: ['text', 'string'], blogId: ['int', 'number'] } };

  test('are one handle over several views: a row that goes from one to the other is never gone', async () => {
    const made = held();
    const posts = made.client.stream('posts', { blogId: [1, 2] });
    made.clock.pass();
    made.socket.welcome({ posts: IN });
    expect(made.socket.sent().slice(1)).toMatchObject([{ params: { blogId: 1 } }, { params: { blogId: 2 } }]);
    for (const view of [1, 2]) {
      made.socket.say({ type: 'subscribed', id: view, view: 10 + view });
      made.socket.say({ type: 'rows', view: 10 + view, rows: [[view, { title: `of ${view}`, blogId: view }]], count: 1, total: 1 });
      made.socket.say({ type: 'ready', view: 10 + view, position: at(5), token: 't' });
    }
    expect([posts.status, posts.rows.map(({ title }) => title), posts.progress]).toEqual([
      'live',
      ['of 1', 'of 2'],
      { count: 2, total: 2 },
    ]);
    const counts: number[] = [];
    const log = told(posts);
    posts.on('current', () => counts.push(posts.rows.length));
    made.socket.say({
      type: 'commit',
      position: at(6),
      changes: [
        [12, 'create', 1, { title: 'of 1', blogId: 2 }],
        [11, 'delete', 1],
      ],
    });
    expect([counts.every((count) => count === 2), log]).toEqual([
      true,
      [
        ['delete', 1, undefined],
        ['create', 1, 'of 1'],
      ],
    ]);
    void posts.create({ title: 'new', blogId: 2 });
    expect(made.socket.sent()).toMatchObject([{ action: 'create', data: { title: 'new' }, params: { blogId: 2 } }]);
    expect(await posts.create({ title: 'new' })).toMatchObject({ ok: false, code: 'invalid' });
  });

  test('of nothing are a handle that shows nothing, and there is no row to ask anything of', async () => {
    const posts = held().client.stream('posts', { blogId: [] });
    expect(posts.current).toBe(posts.current);
    expect(posts.current).toEqual({ rows: [], status: 'live', progress: { count: 0, total: 0 } });
    expect([posts.row(1), posts.writable]).toEqual([undefined, []]);
    expect(await posts.update(1, { title: 'new' })).toMatchObject({ ok: false, code: 'not_found' });
    expect(await posts.create({ title: 'new' })).toMatchObject({ ok: false, code: 'invalid' });
  });
});
