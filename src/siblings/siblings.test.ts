import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { numberOf, type OpenBroker, type Position } from '../core/index.ts';
import { systemClock } from '../server/index.ts';
import { at, entries, START } from '../testing/ledger-trial.ts';
import { SiblingProcess, type Looked, type OneThere } from '../../test/siblings/process.ts';
import { folderOf } from './place.ts';
import { siblings } from './index.ts';

const BOUNDS = { entries: 1_000_000, bytes: 2 ** 40, age: 2 ** 40 };
const silent = (): void => {};
const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 30_000, interval: 5 });

let folder: string;
let path: string;
const processes = new Set<SiblingProcess>();
const opened = new Set<OpenBroker>();
const said: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'siblings-'));
  path = join(folder, 'socket');
});

afterEach(async () => {
  await Promise.all([...opened].map((one) => one.close()));
  await Promise.all([...processes].map((each) => each.kill()));
  opened.clear();
  processes.clear();
  said.length = 0;
  await rm(folder, { recursive: true });
});

async function open(epoch = 'e', name = path): Promise<OpenBroker> {
  const info = (_: object, message: string): void => void said.push(message);
  const one = await siblings(name).open({
    epoch,
    start: START,
    bounds: BOUNDS,
    clock: systemClock,
    log: { info, warn: silent, error: silent },
  });
  opened.add(one);
  return one;
}

interface Child {
  readonly process: SiblingProcess;
  readonly one: OneThere;
}

async function child(): Promise<Child> {
  const process = new SiblingProcess();
  processes.add(process);
  return { process, one: await process.open({ path, start: START, bounds: BOUNDS }) };
}

async function killed({ process }: Child): Promise<void> {
  processes.delete(process);
  await process.kill();
}

const look = ({ one }: Child): Promise<Looked> => one.ask({ act: 'look' });

/** The relay's part: appends what its source has, under whatever becomes of the ledger, by whichever process lives. */
class Appending {
  next = 1;
  #term = 0;
  #least = 0;
  readonly #living: () => Child;
  #by: Child | null = null;

  constructor(living: () => Child) {
    this.#living = living;
  }

  async to(number: number): Promise<void> {
    while (this.next <= number) {
      try {
        if (!this.#by) await this.#lead();
        const count = Math.min(200, number - this.next + 1);
        await this.#by?.one.ask({ act: 'append', entries: entries(this.next, count), term: this.#term });
        this.next += count;
      } catch (error) {
        expect(['ledger_lost', 'ledger_fenced', 'ledger_conflict']).toContain((error as { code?: string }).code);
        this.#by = null;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async #lead(): Promise<void> {
    const by = this.#living();
    this.#term = await by.one.ask<number>({ act: 'lead', least: ++this.#least });
    this.#least = this.#term;
    const tail = await by.one.ask<Position>({ act: 'tail' });
    this.next = Number((numberOf(tail) - numberOf(START)) / 10n) + 1;
    this.#by = by;
  }
}

test('the one who keeps the ledger is killed 20 times under appends: everybody gets every entry, once, in order', async () => {
  const children = await Promise.all([child(), child(), child()]);
  for (const { one } of children) await one.ask({ act: 'follow', after: START });
  const appending = new Appending(() => children[Math.floor(Math.random() * children.length)] as Child);
  let kills = 0;
  for (let round = 1; round <= 20; round++) {
    const appended = appending.to(150 * round);
    // In the middle of it, as far as one can say.
    await until(() => expect(appending.next).toBeGreaterThan(150 * (round - 1)));
    const looked = await Promise.all(children.map(look));
    const host = looked.findIndex(({ hosted }) => hosted > 0);
    expect(looked.filter(({ hosted }) => hosted > 0)).toHaveLength(1);
    const dead = children.splice(host, 1)[0] as Child;
    await killed(dead);
    kills++;
    await appended;
    const fresh = await child();
    await fresh.one.ask({ act: 'follow', after: START });
    children.push(fresh);
    // A ledger that was lost is filled again by whoever appends next.
    await until(async () => expect((await Promise.all(children.map(look))).some(({ hosted }) => hosted > 0)).toBe(true));
  }
  const last = 150 * 20 + 1;
  await appending.to(last);
  for (const each of children) {
    await until(async () => expect((await look(each)).at).toBe(at(last)));
    expect(await look(each)).toMatchObject({ wrong: [], count: last });
  }
  expect(kills).toBe(20);
}, 120_000);

test('when the one who keeps the ledger dies, what was asked of it is refused, and the next one begins with an empty ledger', async () => {
  const host = await child();
  const one = await open();
  const term = await one.ledger.lead();
  await one.ledger.append(entries(1, 3), term);
  const ended = new AbortController();
  const reading = one.ledger.follow(at(3), ended.signal)[Symbol.asyncIterator]().next();
  const refused = expect(reading).rejects.toMatchObject({ code: 'ledger_lost' });
  host.process.freeze();
  const asked = expect(one.ledger.append(entries(4, 1), term)).rejects.toMatchObject({ code: 'ledger_lost' });
  const sent = expect(one.bus.send({ group: 'g', stream: null, payload: 1, except: null })).rejects.toMatchObject({ code: 'ledger_lost' });
  await killed(host);
  await Promise.all([refused, asked, sent]);
  await until(async () => expect([await one.ledger.floor(), await one.ledger.tail()]).toEqual([START, START]));
  await expect(one.ledger.append(entries(4, 1), term)).rejects.toMatchObject({ code: 'ledger_fenced' });
  const again = await one.ledger.lead(term + 1, at(2));
  expect(again).toBe(term + 1);
  expect([await one.ledger.floor(), await one.ledger.tail()]).toEqual([at(2), at(2)]);
  // Who had the third goes on after it, and is not given it again.
  const next = one.ledger.follow(at(3), ended.signal)[Symbol.asyncIterator]().next();
  await one.ledger.append(entries(3, 2), again);
  expect((await next).value).toEqual(entries(4, 1));
  ended.abort();
});

test('one that is frozen is taken for dead; woken, it can append nothing and follows whoever took over', async () => {
  const host = await child();
  await host.one.ask({ act: 'follow', after: START });
  const old = await host.one.ask<number>({ act: 'lead', least: 1 });
  await host.one.ask({ act: 'append', entries: entries(1, 1), term: old });
  await until(async () => expect((await look(host)).count).toBe(1));
  const one = await open();
  host.process.freeze();
  const late = host.one.ask({ act: 'append', entries: entries(2, 1), term: old });
  const outcome = late.then(
    () => 'taken',
    (error: { code?: string }) => error.code,
  );
  await until(async () => expect(await one.ledger.tail()).toBe(START));
  const term = await one.ledger.lead(old + 1);
  await one.ledger.append(entries(1, 3), term);
  host.process.thaw();
  expect(await outcome).toMatch(/^ledger_(lost|fenced)$/);
  await until(async () => expect(await look(host)).toMatchObject({ count: 3, at: at(3), wrong: [] }));
  expect(await one.ledger.tail()).toBe(at(3));
});

test('of eight that come at once where a dead one has left its file, one keeps the ledger', async () => {
  await killed(await child());
  expect((await stat(path)).isSocket()).toBe(true);
  const all = await Promise.all(Array.from({ length: 8 }, () => open()));
  expect(said.filter((message) => /keeps the ledger/.test(message))).toHaveLength(1);
  const heard: unknown[] = [];
  for (const { bus } of all) bus.listen(({ payload }) => heard.push(payload));
  await all[5]?.bus.send({ group: 'g', stream: null, payload: 'x', except: null });
  await until(() => expect(heard).toHaveLength(8));
  expect((await readdir(folder)).toSorted()).toEqual(['socket']);
});

test('a lock that somebody died with is broken', async () => {
  await writeFile(`${path}.lock`, '');
  const { utimes } = await import('node:fs/promises');
  await utimes(`${path}.lock`, 0, 0);
  await open();
  expect(await readdir(folder)).toEqual(['socket']);
});

test('one whose file was taken away steps down: whoever comes, and itself, meet at another', async () => {
  const [one, two] = [await open(), await open()];
  await rm(path);
  const heard: unknown[] = [];
  two.bus.listen(({ payload }) => heard.push(payload));
  const three = await open();
  await until(async () => {
    await three.bus.send({ group: 'g', stream: null, payload: 'x', except: null });
    expect(heard).toContain('x');
  });
  await until(async () => expect(await one.ledger.lead(7)).toBeGreaterThanOrEqual(7));
});

test('whoever closes leaves no file, and the others find each other', async () => {
  const [one, two, three] = [await open(), await open(), await open()];
  await one.close();
  opened.delete(one);
  await expect(one.ledger.tail()).rejects.toMatchObject({ code: 'ledger_lost' });
  const heard: unknown[] = [];
  three.bus.listen(({ payload }) => heard.push(payload));
  await until(async () => {
    await two.bus.send({ group: 'g', stream: null, payload: 'x', except: null });
    expect(heard).toContain('x');
  });
  for (const each of [two, three]) await each.close();
  expect(await readdir(folder)).toEqual([]);
});

test('only this user reaches the socket, and a folder that others may write to is none for it', async () => {
  const one = await open('another epoch', '');
  const [file] = (await readdir(folderOf())).filter((name) => name.endsWith('.sock'));
  expect((await stat(folderOf())).mode & 0o777).toBe(0o700);
  expect((await stat(join(folderOf(), file as string))).mode & 0o777).toBe(0o600);
  await one.close();
  await chmod(dirname(path), 0o777);
  await expect(open()).rejects.toMatchObject({ code: 'ledger_lost', message: expect.stringContaining('chmod 700') });
  expect(await siblings(path).examine()).toMatchObject([{ level: 'error' }]);
  await chmod(dirname(path), 0o700);
  expect(await siblings(path).examine()).toMatchObject([{ level: 'ok' }]);
  await expect(open('e', 'a/b')).rejects.toThrow(/absolute path/);
  await expect(open('e', join(folder, 'x'.repeat(100)))).rejects.toThrow(/too long/);
});

test('databases share nothing, and nor do names', async () => {
  const all = await Promise.all([open('one', ''), open('two', ''), open('one', 'other')]);
  for (const { ledger } of all) expect(await ledger.lead()).toBe(1);
  await open('one');
  await expect(open('two')).rejects.toThrow(/another database's ledger/);
});

test('who does not speak as siblings do is cut off, and the others notice nothing', async () => {
  const one = await open();
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\u0005\u0004\0\0\0\u0001', '\0\0\0\u0006\0\0\0\0\u0001{']) {
    const stranger = connect(path);
    stranger.on('error', silent);
    stranger.resume();
    stranger.write(bytes, 'latin1');
    // The first says that more will come than ever does: nobody waits for that but itself.
    if (bytes.startsWith('G')) stranger.destroy();
    await once(stranger, 'close');
  }
  expect(await one.ledger.tail()).toBe(START);
});

test('a process that takes nothing it is sent is cut off and not queued for, and comes back when it does', async () => {
  const one = await open();
  const asleep = await child();
  asleep.process.freeze();
  const payload = 'x'.repeat(1024 * 1024);
  for (let sent = 0; sent < 24; sent++) await one.bus.send({ group: 'g', stream: null, payload, except: null });
  asleep.process.thaw();
  await until(async () => {
    await one.bus.send({ group: 'g', stream: null, payload: 'last', except: null });
    expect((await look(asleep)).heard).toContain('last');
  });
  const { heard } = await look(asleep);
  expect(heard.filter((each) => each === payload).length).toBeLessThan(24);
});

test("a socket that is not Rowcast's is left alone while somebody listens at it", async () => {
  const server = createServer((socket) => socket.end('who are you?'));
  server.listen(path);
  await once(server, 'listening');
  await expect(open()).rejects.toThrow();
  expect(server.listening && (await stat(path)).isSocket()).toBe(true);
  server.close();
});

test('workers of a cluster are siblings: the primary has no part in it', async () => {
  const cluster = fork(new URL('../../test/siblings/cluster.ts', import.meta.url), [path], { execArgv: [], stdio: 'inherit' as const });
  const [code] = (await once(cluster, 'exit')) as [number];
  expect(code).toBe(0);
});
