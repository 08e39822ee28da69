import { describe, expect, test } from 'vitest';
import { at, held, type Held, type HeldSocket } from '../../test/support/held-client.ts';
import { ofType, record } from '../../test/support/scripted-client.ts';
import type { CommitFrame, RowsFrame, WireChange } from '../protocol/index.ts';
import type { Commit } from './index.ts';

type Stream = ReturnType<Held['client']['stream']>;

const VIEW = 12;
const row = (name: string, value = 0): { name: string; value: number } => ({ name, value });
const rows = (all: RowsFrame['rows'], count = all.length): RowsFrame => ({ type: 'rows', view: VIEW, rows: all, count, total: null });
const ready = (n: number, view = VIEW) => ({ type: 'ready', view, position: at(n), token: `t${n}` }) as const;
const commit = (n: number, changes: readonly WireChange[], about: Partial<CommitFrame> = {}): CommitFrame => ({
  type: 'commit',
  position: at(n),
  changes,
  ...about,
});

/** One stream, its view asked for and given a number. */
function asked(): { readonly socket: HeldSocket; readonly intval: Stream; readonly log: unknown[][]; readonly all: Held } {
  const all = held();
  const intval = all.client.stream('intval');
  const log = record(intval);
  all.clock.pass();
  all.socket.welcome();
  all.socket.say({ type: 'subscribed', id: 1, view: VIEW });
  log.length = 0;
  return { socket: all.socket, intval, log, all };
}

/** … and followed, with two rows. */
function live(): ReturnType<typeof asked> {
  const made = asked();
  made.socket.say(
    rows([
      [1, row('one')],
      [2, row('two')],
    ]),
    ready(5),
  );
  made.log.length = 0;
  return made;
}

describe('the first rows', () => {
  test('are shown when all of them are there, in the order they came; progress is told before', () => {
    const { socket, intval, log } = asked();
    expect([intval.status, intval.rows, intval.progress]).toEqual(['syncing', [], { count: 0, total: null }]);
    socket.say({ ...rows([[2, row('two')]]), total: 2 });
    expect([intval.status, intval.rows, intval.progress]).toEqual(['syncing', [], { count: 1, total: 2 }]);
    socket.say({ ...rows([[1, row('one')]], 2), total: 2 });
    expect(log).toEqual([
      ['progress', { count: 1, total: 2 }],
      ['progress', { count: 2, total: 2 }],
    ]);
    log.length = 0;
    intval.on('create', () => expect([intval.rows.length, intval.status]).toEqual([2, 'live']));
    socket.say(ready(5));
    expect(intval.rows).toEqual([row('two'), row('one')]);
    const changes = [
      { action: 'create', pk: 2, data: row('two') },
      { action: 'create', pk: 1, data: row('one') },
    ];
    expect(log).toEqual([
      ['create', changes[0]],
      ['change', changes[0]],
      ['create', changes[1]],
      ['change', changes[1]],
      ['commit', { changes, merged: true, position: expect.any(String) as string }],
      ['status', 'live'],
      ['ready', undefined],
    ]);
  });

  test('that are none are an empty view', () => {
    const { socket, intval, log } = asked();
    socket.say(ready(5));
    expect([intval.rows, log]).toEqual([
      [],
      [
        ['status', 'live'],
        ['ready', undefined],
      ],
    ]);
  });

  test('take what has changed since they were read, before anybody sees them', () => {
    const { socket, intval, log } = asked();
    socket.say(
      rows([
        [1, row('one')],
        [2, row('two')],
      ]),
      commit(
        5,
        [
          [VIEW, 'update', 1, row('one', 1)],
          [VIEW, 'create', 2, row('two', 2)],
          [VIEW, 'update', 3, row('three')],
          [VIEW, 'delete', 4],
        ],
        { merged: true },
      ),
    );
    expect([intval.rows, ofType(log, 'create', 'commit')]).toEqual([[], []]);
    socket.say(commit(5, [[VIEW, 'delete', 2]]), ready(5));
    expect(intval.rows).toEqual([row('one', 1), row('three')]);
    expect(ofType(log, 'create').map(([, change]) => change)).toEqual([
      { action: 'create', pk: 1, data: row('one', 1) },
      { action: 'create', pk: 3, data: row('three') },
    ]);
  });

  test('begin again when a reset comes between them', () => {
    const { socket, intval, log } = asked();
    socket.say(
      rows([[1, row('one')]]),
      { type: 'reset', position: at(4), views: [VIEW], reason: 'retention' },
      rows([[2, row('two')]]),
      ready(5),
    );
    expect(intval.rows).toEqual([row('two')]);
    expect(ofType(log, 'create', 'reset').map(([event]) => event)).toEqual(['reset', 'create']);
  });
});

describe('rows that are read again', () => {
  test('take the place of those that are shown by what differs, without a moment of nothing', () => {
    const { socket, intval, log } = live();
    socket.say(commit(6, [[VIEW, 'create', 3, row('three')]]));
    log.length = 0;
    const [one] = intval.rows;
    const before = intval.rows;
    socket.say({ type: 'reset', position: at(7), views: [VIEW, 99], reason: 'bulk' });
    expect([intval.rows, intval.status]).toEqual([before, 'stale']);
    socket.say(rows([[4, row('four')]]), rows([[2, row('two', 2)]]), rows([[1, row('one')]]));
    expect(intval.rows).toBe(before);
    socket.say(ready(8));
    expect(intval.rows).toEqual([row('one'), row('two', 2), row('four')]);
    expect(intval.rows[0]).toBe(one); // what did not change is what it was
    const changes = [
      { action: 'delete', pk: 3, data: null },
      { action: 'create', pk: 4, data: row('four') },
      { action: 'update', pk: 2, data: row('two', 2) },
    ];
    expect(ofType(log, 'create', 'update', 'delete', 'commit', 'reset', 'status', 'ready')).toEqual([
      ['reset', 'bulk'],
      ['status', 'stale'],
      ['delete', changes[0]],
      ['create', changes[1]],
      ['update', changes[2]],
      ['commit', { changes, merged: true, position: expect.any(String) as string }],
      ['status', 'live'],
      ['ready', undefined],
    ]);
  });

  test('that are the same change nothing, not even the array', () => {
    const { socket, intval, log } = live();
    const before = intval.rows;
    const [one, two] = before;
    socket.say(
      { type: 'reset', position: at(7), views: [VIEW], reason: 'schema' },
      rows([
        [2, row('two')],
        [1, row('one')],
      ]),
      ready(8),
    );
    expect(intval.rows).toBe(before);
    expect([intval.rows[0], intval.rows[1]]).toEqual([one, two]);
    expect(ofType(log, 'change', 'commit')).toEqual([]);
  });

  test('are compared as they came: a Date that holds the same milliseconds may stand for another moment', () => {
    const { client, clock, socket } = held();
    const posts = client.stream('posts');
    clock.pass();
    socket.welcome();
    const read = (micros: string): RowsFrame => ({ ...rows([[1, { at: `2026-11-23T12:34:56.789${micros}Z` }]]), view: 1 });
    socket.say({ type: 'subscribed', id: 1, view: 1 }, read('001'), ready(2, 1));
    const [first] = posts.rows;
    const again = { type: 'reset', position: at(3), views: [1], reason: 'bulk' } as const;
    socket.say(again, read('001'), ready(4, 1));
    expect(posts.rows[0]).toBe(first);
    socket.say(again, read('002'), ready(5, 1));
    expect(posts.rows[0]).not.toBe(first);
    expect(posts.rows).toEqual([first]);
  });

  test('that are none leave none', () => {
    const { socket, intval, log } = live();
    socket.say({ type: 'reset', position: at(7), views: [VIEW], reason: 'truncate' }, ready(8));
    expect(intval.rows).toEqual([]);
    expect(ofType(log, 'delete')).toHaveLength(2);
  });
});

describe('a commit', () => {
  test('is applied to all streams before anybody is told of it', () => {
    const { socket, intval, all } = live();
    const posts = all.client.stream('posts');
    all.clock.pass();
    socket.say({ type: 'subscribed', id: 2, view: 1 }, ready(5, 1));
    const seen: unknown[] = [];
    const look = (): void => void seen.push([intval.rows.length, posts.rows.length]);
    for (const stream of [intval, posts]) for (const event of ['create', 'delete', 'change', 'commit'] as const) stream.on(event, look);
    socket.say(
      commit(6, [
        [VIEW, 'delete', 1],
        [1, 'create', 9, { title: 'nine' }],
        [VIEW, 'delete', 2],
      ]),
    );
    expect(seen).toEqual(Array.from({ length: 8 }, () => [0, 1]));
  });

  test('in parts is one commit, and none of it is seen before its last part', () => {
    const { socket, intval, log } = live();
    socket.say(commit(6, [[VIEW, 'update', 1, row('one', 1)]], { more: true }), commit(6, [[VIEW, 'delete', 2]], { more: true }));
    expect([intval.rows, log]).toEqual([[row('one'), row('two')], []]);
    socket.say(commit(6, [[VIEW, 'create', 3, row('three')]]));
    expect(intval.rows).toEqual([row('one', 1), row('three')]);
    expect(ofType(log, 'commit').map(([, told]) => (told as Commit).changes.length)).toEqual([3]);
    socket.say(commit(7, [[VIEW, 'delete', 3]]));
    expect(ofType(log, 'commit')).toHaveLength(2);
  });

  test('in parts is forgotten where its view is let go of before the last of them', () => {
    const { socket, intval, all } = live();
    socket.say(commit(6, [[VIEW, 'create', 3, row('of before')]], { more: true }));
    intval.close();
    const again = all.client.stream('intval');
    all.clock.pass();
    socket.say({ type: 'subscribed', id: 2, view: VIEW }, commit(6, []), rows([[1, row('one')]]), ready(7));
    expect(again.rows).toEqual([row('one')]);
  });

  test('of several in one says so', () => {
    const { socket, log } = live();
    socket.say(commit(6, [[VIEW, 'delete', 1]], { merged: true }), commit(7, [[VIEW, 'delete', 2]]));
    expect(ofType(log, 'commit').map(([, told]) => (told as Commit).merged)).toEqual([true, false]);
  });

  test('tells what it changes here: a row that comes again is an update, one that goes again is nothing', () => {
    const { socket, intval, log } = live();
    socket.say(
      commit(6, [
        [VIEW, 'create', 1, row('one', 1)],
        [VIEW, 'update', 3, row('three')],
        [VIEW, 'delete', 4],
      ]),
    );
    expect(log.map(([event]) => event)).toEqual(['update', 'change', 'create', 'change', 'commit']);
    expect(intval.rows).toEqual([row('one', 1), row('two'), row('three')]);
  });
});

describe('rows', () => {
  test('stay the same objects until a commit changes them, and so does the array', () => {
    const { socket, intval } = live();
    const before = intval.rows;
    expect(intval.rows).toBe(before);
    socket.say(commit(6, [[VIEW, 'update', 2, row('two', 2)]]));
    expect(intval.rows).not.toBe(before);
    expect(intval.rows[0]).toBe(before[0]);
    expect(before[1]).toEqual(row('two'));
    const now = intval.rows;
    socket.say(commit(7, [[99, 'delete', 1]]), { type: 'ping', position: at(8) });
    expect(intval.rows).toBe(now);
  });

  test('are found by their key, however it is written, and tell it', () => {
    const { socket, intval } = asked();
    socket.say(
      rows([
        ['9007199254740993', row('big')],
        [7, row('seven')],
        [[1, 'a'], row('both')],
      ]),
      ready(5),
    );
    expect([intval.row(9_007_199_254_740_993n), intval.row('7'), intval.row(7n), intval.row([1n, 'a']), intval.row(8)]).toEqual([
      row('big'),
      row('seven'),
      row('seven'),
      row('both'),
      undefined,
    ]);
    expect(intval.rows.map((each) => intval.pk(each))).toEqual(['9007199254740993', 7, [1, 'a']]);
    expect(() => intval.pk({ ...(intval.rows[0] as object) })).toThrow(/copy/);
  });

  test('that a model has as other values are those, made once', () => {
    const { client, clock, socket } = held();
    const posts = client.stream('posts');
    clock.pass();
    socket.welcome();
    socket.say(
      { type: 'subscribed', id: 1, view: 1 },
      { type: 'rows', view: 1, rows: [[1, { title: 'T', size: '9007199254740993', raw: '/w==' }]], count: 1, total: 1 },
      ready(5, 1),
    );
    expect(posts.rows).toEqual([{ title: 'T', size: 9_007_199_254_740_993n, raw: new Uint8Array([255]) }]);
    expect(posts.row(1)).toBe(posts.rows[0]);
  });
});

describe('a view that the server takes away', () => {
  test('is empty, failed, and says why; it is asked for again on the next connection, from the start', () => {
    const { socket, intval, log, all } = live();
    const errors: unknown[] = [];
    all.client.on('error', (error) => errors.push(error));
    intval.on('delete', () => expect([intval.rows, intval.status]).toEqual([[], 'failed']));
    socket.say({ type: 'dropped', view: VIEW, position: at(6), code: 'forbidden', message: 'you do not belong to this any more' });
    const complaint = { code: 'forbidden', message: 'you do not belong to this any more', stream: 'intval' };
    expect(log.filter(([event]) => event !== 'change')).toEqual([
      ['delete', { action: 'delete', pk: 1, data: null }],
      ['delete', { action: 'delete', pk: 2, data: null }],
      ['commit', { changes: expect.any(Array) as unknown, merged: true, position: expect.any(String) as string }],
      ['status', 'failed'],
      ['error', complaint],
    ]);
    expect(errors).toEqual([complaint]);
    socket.say(commit(7, [[VIEW, 'create', 1, row('late')]]));
    expect(intval.rows).toEqual([]);
    socket.end(1006);
    expect(intval.status).toBe('failed');
    all.clock.pass(60_000);
    all.socket.welcome();
    expect(all.socket.sent().at(-1)).toEqual({ type: 'subscribe', id: 2, stream: 'intval' });
    expect(intval.status).toBe('syncing');
  });

  test('while its rows come, too', () => {
    const { socket, intval } = asked();
    socket.say(rows([[1, row('one')]]), { type: 'dropped', view: VIEW, position: at(6), code: 'too_large', message: 'too many' });
    socket.say(ready(7));
    expect([intval.rows, intval.status]).toEqual([[], 'failed']);
  });

  test('is not asked for at its number: closing it sends nothing', () => {
    const { socket, intval } = live();
    socket.sent();
    socket.say({ type: 'dropped', view: VIEW, position: at(6), code: 'forbidden', message: '' });
    intval.close();
    expect(socket.sent()).toEqual([]);
  });
});

test('a handle is told changes that make its rows from nothing, whenever it came', () => {
  const { socket, intval, all } = live();
  const follow = (stream: Stream): Map<unknown, unknown> => {
    const made = new Map<unknown, unknown>();
    stream.on('change', ({ action, pk, data }) => void (action === 'delete' ? made.delete(pk) : made.set(pk, data)));
    return made;
  };
  const made: Map<unknown, unknown>[] = [];
  const join = (): void => {
    made.push(follow(all.client.stream('intval')));
    all.clock.pass();
  };
  join();
  socket.say(commit(6, [[VIEW, 'create', 3, row('three')]]));
  join();
  socket.say({ type: 'reset', position: at(7), views: [VIEW], reason: 'bulk' }, rows([[4, row('four')]]));
  join();
  socket.say(ready(8));
  socket.end(1006);
  join();
  for (const each of made) expect([...each.values()]).toEqual(intval.rows);
});
