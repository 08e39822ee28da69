import { afterEach, describe, expect, test } from 'vitest';
import {
  createClient,
  memoryStorage,
  type Client,
  type ClientClock,
  type ClientOptions,
  type ClientStorage,
  type Complaint,
  type StreamStatus,
} from '../../src/client/index.ts';
import type { AnyStream, BindingStream } from '../../src/client/types.ts';
import { openApp, type App } from './app.ts';
import { Gate, type Passing } from './gate.ts';

interface Opened {
  readonly client: Client;
  readonly posts: BindingStream<AnyStream>;
  readonly gate: Gate;
  readonly complaints: readonly Complaint[];
}

interface Opening extends Pick<ClientOptions, 'clock' | 'coalesce'> {
  readonly storage: ClientStorage;
  /** As the app says it. */
  readonly user?: string;
  /** As the server says it; default: the same. */
  readonly really?: string;
  readonly passing?: Passing;
}

const opened: Client[] = [];
afterEach(() => {
  for (const client of opened.splice(0)) client.close();
});

const app = (permits = (_what: string): boolean => true): Promise<App> =>
  openApp({ permits, authenticate: ({ headers }) => ({ id: headers.get('x-user') ?? '' }) });

function open({ url }: App, { storage, user = 'ann', really = user, passing = 'open', ...options }: Opening): Opened {
  const gate = new Gate(url, { user: really, passing });
  const keep = { in: storage, user, rows: ['posts'] };
  const client = createClient('the app', { socket: gate.socket, delay: () => 2, linger: 0, keep, ...options });
  opened.push(client);
  const complaints: Complaint[] = [];
  client.on('error', (complaint) => complaints.push(complaint));
  return { client, posts: client.stream('posts') as unknown as BindingStream<AnyStream>, gate, complaints };
}

async function becomes({ posts }: Opened, status: StreamStatus): Promise<void> {
  while (posts.status !== status)
    await new Promise<void>((resolve) => {
      const stop = posts.on('status', () => {
        stop();
        resolve();
      });
    });
}

/** Resolves when nothing waits for an answer any more. */
async function answered({ client }: Opened): Promise<void> {
  while (client.pending.length > 0)
    await new Promise<void>((resolve) => {
      const stop = client.on('pending', () => {
        stop();
        resolve();
      });
    });
}

/** Past everything that was committed before. */
async function past(page: Opened): Promise<void> {
  expect(await page.client.call('retitle', { titles: [] })).toMatchObject({ ok: true });
}

const titles = ({ posts }: Opened): readonly unknown[] => posts.rows.map(({ title }) => title);
const held = async (storage: ClientStorage): Promise<readonly object[]> => (await storage.all('')).filter((each) => each instanceof Object);
const keptWrites = async (storage: ClientStorage): Promise<number> => (await held(storage)).filter((each) => 'says' in each).length;

function seeded({ commit }: App): void {
  commit((run) => {
    for (let row = 1; row <= 5; row++) run('INSERT INTO post (title) VALUES (?)', `of old ${row}`);
  });
}

/** A page that has seen the rows, and is gone. */
async function visited(server: App, storage: ClientStorage): Promise<void> {
  const page = open(server, { storage });
  await becomes(page, 'live');
  page.client.close();
}

/** Fifty of every kind. Gives the texts that the database writes down when they are done, in order. */
function fifty({ client, posts }: Opened): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < 16; at++) {
    void posts.create({ title: `made ${at}` }, at % 2 ? { pk: `row ${at}` } : {});
    const made = posts.rows.at(-1) as Record<string, unknown>;
    void posts.update(posts.pk(made), { note: `of made ${at}` });
    void posts.update(1 + (at % 3), { title: `of row ${at}` });
    texts.push(`made ${at}`, `of made ${at}`, `of row ${at}`);
  }
  void client.batch(() => {
    void posts.delete(5);
    void posts.update(4, { title: 'in a batch' });
    void posts.create({ title: 'made in a batch' });
  });
  void client.call('retitle', { titles: [[3, 'by call']] }, { optimistic: () => void posts.update(3, { title: 'by call' }) });
  return [...texts, '-5', 'in a batch', 'made in a batch', 'by call'];
}

describe('a page that was closed with fifty writes without an answer', () => {
  test('shows them when it is opened again without a network; once there is one, each is done once, in order', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    await visited(server, storage);
    const first = open(server, { storage, passing: 'away' });
    await becomes(first, 'offline');
    expect(titles(first)).toEqual(['of old 1', 'of old 2', 'of old 3', 'of old 4', 'of old 5']);
    const before = server.texts().length;
    const texts = fifty(first);
    expect(first.client.pending).toHaveLength(50);
    const shown = titles(first);

    const again = open(server, { storage, passing: 'away' });
    await becomes(again, 'offline');
    expect(titles(again)).toEqual(shown);
    expect(again.client.pending).toEqual(first.client.pending.map((each) => ({ ...each, kept: true })));
    expect(again.gate.writes).toEqual([]);
    again.gate.passing = 'open';
    await answered(again);
    await past(again);
    expect(server.texts().slice(before)).toEqual(texts);
    expect(again.posts.rows.map(({ id, title, note }) => ({ id, title, note }))).toEqual(server.rows());
    expect(await keptWrites(storage)).toBe(0);
    expect(again.complaints).toEqual([]);
  });

  test('and is opened twice: each is done once', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    await visited(server, storage);
    const first = open(server, { storage, passing: 'away' });
    await becomes(first, 'offline');
    const before = server.texts().length;
    const texts = fifty(first);
    const pages = [open(server, { storage }), open(server, { storage }), first];
    first.gate.passing = 'open';
    await Promise.all(pages.map(answered));
    await Promise.all(pages.map(past));
    expect([...server.texts().slice(before)].sort()).toEqual([...texts].sort());
    for (const page of pages)
      expect([...titles(page)].sort()).toEqual(
        server
          .rows()
          .map(({ title }) => title)
          .sort(),
      );
    expect(await keptWrites(storage)).toBe(0);
  });

  test('shows and sends nothing of it to another user, and keeps it for its own', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    await visited(server, storage);
    const first = open(server, { storage, passing: 'away' });
    await becomes(first, 'offline');
    const before = server.texts().length;
    const texts = fifty(first);

    const other = open(server, { storage, user: 'bob', passing: 'away' });
    await becomes(other, 'offline');
    expect([other.posts.rows, other.client.pending]).toEqual([[], []]);
    other.gate.passing = 'open';
    await becomes(other, 'live');
    await past(other);
    expect(other.gate.writes).toHaveLength(1);
    expect(server.texts()).toHaveLength(before);
    await other.client.signOut();

    const own = open(server, { storage });
    await becomes(own, 'live');
    await answered(own);
    expect(server.texts().slice(before)).toEqual(texts);
  });

  test('sends nothing where the server says that it is somebody else, and forgets it', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    await visited(server, storage);
    const first = open(server, { storage, passing: 'away' });
    await becomes(first, 'offline');
    const before = server.texts().length;
    fifty(first);

    const wrong = open(server, { storage, really: 'bob' });
    const refused: unknown[] = [];
    wrong.client.on('refused', ({ answer }) => refused.push(answer.code));
    await becomes(wrong, 'live');
    expect(wrong.gate.writes).toEqual([]);
    expect(titles(wrong)).toEqual(server.rows().map(({ title }) => title));
    expect(wrong.client.pending).toEqual([]);
    expect(refused).toEqual(Array.from({ length: 50 }, () => 'closed'));
    expect(wrong.complaints).toMatchObject([{ code: 'forbidden' }]);
    // Its rows were not gone on from: they are read as theirs.
    expect(wrong.gate.sent.filter(({ type }) => type === 'subscribe')).toEqual([expect.not.objectContaining({ token: expect.anything() })]);
    expect(server.texts()).toHaveLength(before);
    expect(await keptWrites(storage)).toBe(0);
    wrong.client.close();

    const own = open(server, { storage, passing: 'away' });
    await new Promise((resolve) => own.client.on('status', resolve));
    expect(own.client.pending).toEqual([]);
  });
});

test('rows that were kept are shown at once, and gone on from: no row is sent that did not change', async () => {
  await using server = await app();
  seeded(server);
  const storage = memoryStorage();
  await visited(server, storage);
  server.commit((run) => run('UPDATE post SET title = ? WHERE id = 2', 'changed meanwhile'));
  await server.live.settled();
  const page = open(server, { storage, passing: 'away' });
  await becomes(page, 'offline');
  expect(page.posts.rows).toHaveLength(5);
  page.gate.passing = 'open';
  await becomes(page, 'live');
  expect(titles(page)[1]).toBe('changed meanwhile');
  const told = page.gate.taken.filter(({ type }) => type === 'rows' || type === 'commit');
  expect(told).toMatchObject([{ type: 'commit', changes: [[expect.anything(), 'update', 2, { title: 'changed meanwhile' }]] }]);
});

test('a write that is refused does not hold up those behind it, and takes along what rests on it', async () => {
  await using server = await app((what) => !what.startsWith('no'));
  seeded(server);
  const storage = memoryStorage();
  const first = open(server, { storage, passing: 'away' });
  void first.posts.update(1, { title: 'yes' });
  void first.posts.create({ title: 'no row' }, { pk: 'never' });
  void first.posts.update('never', { note: 'of a row that is none' });
  void first.posts.update(2, { title: 'no title' });
  void first.posts.update(3, { title: 'yes, too' });
  await new Promise((resolve) => first.client.on('status', resolve));
  const page = open(server, { storage, passing: 'away' });
  const refused: unknown[] = [];
  page.client.on('refused', ({ write, answer }) => refused.push([write.action, write.kept, answer.code]));
  page.gate.passing = 'open';
  await becomes(page, 'live');
  await answered(page);
  await past(page);
  expect(titles(page)).toEqual(['yes', 'of old 2', 'yes, too', 'of old 4', 'of old 5']);
  expect(refused).toEqual([
    ['create', true, 'forbidden'],
    ['update', true, 'not_found'],
    ['update', true, 'forbidden'],
  ]);
});

test('edits that are gathered are kept as they stand', async () => {
  await using server = await app();
  seeded(server);
  const storage = memoryStorage();
  const first = open(server, { storage, passing: 'away', coalesce: 1 });
  for (const title of ['t', 'ti', 'tit']) void first.posts.update(1, { title });
  const page = open(server, { storage });
  await becomes(page, 'live');
  await answered(page);
  await past(page);
  expect(titles(page)[0]).toBe('tit');
  expect(server.texts().slice(5)).toEqual(['tit']);
});

test('signing out leaves nothing, whatever comes after it, and nothing of others goes', async () => {
  await using server = await app();
  seeded(server);
  const storage = memoryStorage();
  const other = open(server, { storage, user: 'bob', passing: 'away' });
  void other.posts.create({ title: 'of bob' });
  await visited(server, storage);
  const page = open(server, { storage, passing: 'away' });
  await becomes(page, 'offline');
  const answers = [page.posts.update(1, { title: 'mine' }), page.posts.create({ title: 'mine' })];
  expect(await held(storage)).toHaveLength(4);
  await page.client.signOut();
  page.client.close();
  expect(await Promise.all(answers)).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
  expect([page.posts.rows, page.client.pending]).toEqual([[], []]);
  expect(await held(storage)).toMatchObject([{ says: { data: { title: 'of bob' } } }]);
});

describe('what was sent so long ago that its server may have forgotten it', () => {
  const later = (ms: number): ClientClock => ({
    now: () => Date.now() + ms,
    after: (wait, fire) => {
      const timer = setTimeout(fire, wait);
      return { cancel: () => clearTimeout(timer) };
    },
  });

  test('is not sent again, and is told; what was never sent is sent', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    const first = open(server, { storage, passing: 'deaf' });
    void first.posts.create({ title: 'sent, and not answered' });
    void first.posts.update(2, { title: 'sent with it' });
    while (first.gate.writes.length < 2) await new Promise((resolve) => first.client.on('pending', resolve));
    first.gate.passing = 'away';
    await becomes(first, 'offline');
    void first.posts.update(1, { title: 'never sent' });

    const page = open(server, { storage, clock: later(20 * 3_600_000 + 60_000), passing: 'away' });
    const refused: unknown[] = [];
    page.client.on('refused', ({ write, answer }) => refused.push([write.data, answer.code]));
    page.gate.passing = 'open';
    await becomes(page, 'live');
    await answered(page);
    await past(page);
    expect(refused).toEqual([
      [{ title: 'sent, and not answered' }, 'closed'],
      [{ title: 'sent with it' }, 'closed'],
    ]);
    expect(server.texts().slice(5)).toEqual(['never sent']);
    expect(titles(page)).toEqual(['never sent', 'of old 2', 'of old 3', 'of old 4', 'of old 5']);
    expect(await keptWrites(storage)).toBe(0);
  });

  test('is sent as long as it is surely remembered', async () => {
    await using server = await app();
    seeded(server);
    const storage = memoryStorage();
    const first = open(server, { storage, passing: 'deaf' });
    void first.posts.update(2, { title: 'sent' });
    while (first.gate.writes.length < 1) await new Promise((resolve) => first.client.on('pending', resolve));
    first.gate.passing = 'away';
    const page = open(server, { storage, clock: later(20 * 3_600_000 - 60_000) });
    await becomes(page, 'live');
    await answered(page);
    expect(server.texts().slice(5)).toEqual(['sent']);
  });
});

describe('a storage that fails', () => {
  const whole = memoryStorage();
  const failing = (): Promise<never> => Promise.reject(new Error('the disk is full'));
  const hanging = (): Promise<never> => new Promise(() => undefined);
  /** A clock in which 5 s are no time. */
  const soon: ClientClock = {
    now: () => Date.now(),
    after: (wait, fire) => {
      const timer = setTimeout(fire, wait === 5_000 ? 20 : wait);
      return { cancel: () => clearTimeout(timer) };
    },
  };

  test.each([
    ['to everything', { all: failing, set: failing, delete: failing }],
    ['to what is to be kept', { ...whole, set: failing }],
    ['to forget', { ...whole, delete: failing }],
    ['to answer', { all: hanging, set: hanging, delete: hanging }],
  ])('%s is said once, and gone on without', async (_how, storage) => {
    await using server = await app();
    seeded(server);
    const page = open(server, { storage, clock: soon });
    await becomes(page, 'live');
    expect(await page.posts.update(1, { title: 'one' })).toMatchObject({ ok: true });
    expect(await page.posts.update(1, { title: 'two' })).toMatchObject({ ok: true });
    await page.client.signOut();
    expect(page.complaints).toEqual([{ code: 'internal', message: expect.stringMatching(/nothing is kept/) as string }]);
    expect(server.texts().slice(5)).toEqual(['one', 'two']);
  });
});
