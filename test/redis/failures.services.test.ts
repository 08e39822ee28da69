import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RowcastError, type Entry, type Ledger, type OpenBroker } from '../../src/core/index.ts';
import { back, Steady } from '../../src/testing/ledger-loss-laws.ts';
import { at, entries, LedgerTrial, START } from '../../src/testing/ledger-trial.ts';
import { redisMissing, startRedis, type RedisServer } from '../servers/redis.ts';
import { Front } from './front.ts';
import { suiteClock } from '../../src/testing/opened.ts';
import { dialBy } from '../../src/redis/clients.ts';
import { Link } from '../../src/redis/link.ts';
import { DRIVERS, Fleet, QUIET } from './worlds.ts';

const missing = redisMissing();
if (missing !== null) console.log(`what befalls Redis is skipped: ${missing}`);

/** A client for the test's own hands. */
async function hands(url: string): Promise<ReturnType<typeof createClient> & Disposable> {
  const client = createClient({ url, RESP: 2 });
  client.on('error', () => undefined); // servers are killed here
  await client.connect();
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() }) as never;
}

/** Hears until something with this payload has come; sends it again for as long as nothing has, as nothing is kept for who is away. */
async function reaches(from: OpenBroker, to: OpenBroker): Promise<void> {
  for (let sent = 0; ; sent++) {
    const heard = Promise.withResolvers<boolean>();
    const stop = to.bus.listen(({ payload }) => payload === sent && heard.resolve(true));
    const timer = setTimeout(() => heard.resolve(false), 200);
    await from.bus.send({ group: '\u0000g', stream: null, payload: sent, except: null }).catch(away);
    const came = await heard.promise;
    clearTimeout(timer);
    stop();
    if (came) return;
  }
}

function away(error: unknown): void {
  if (!(error instanceof RowcastError && error.code === 'ledger_lost')) throw error;
}

describe.skipIf(missing !== null).each(Object.keys(DRIVERS))('what befalls Redis, by %s', (driver) => {
  let trial: LedgerTrial;
  let disposed: AsyncDisposableStack;
  beforeEach(() => {
    trial = new LedgerTrial({ name: driver, skip: [], open: () => Promise.reject(new Error('it has none')) });
    disposed = new AsyncDisposableStack();
    disposed.defer(() => trial.end());
  });
  afterEach(() => disposed.disposeAsync());

  const steady = (ledger: Ledger, after: string = START): Steady => new Steady(trial, ledger, after);
  const serve = async (settings: Record<string, string> = {}): Promise<RedisServer> => disposed.use(await startRedis({ settings }));
  const fleetAt = (url: string): Fleet => {
    const fleet = new Fleet(() => (DRIVERS[driver] as NonNullable<(typeof DRIVERS)[string]>)(url), START);
    disposed.defer(() => fleet.close());
    return fleet;
  };

  test('killed with nothing on disk: it is away, then it has nothing, then it goes on, and nobody is given anything twice', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    const term = await one.ledger.lead();
    await one.ledger.append(entries(1, 5), term);
    const reader = steady(two.ledger);
    await reader.until(5);
    const more = reader.until(8);
    await server.kill();
    for (const asked of [
      () => one.ledger.append(entries(6, 1), term),
      () => two.ledger.tail(),
      () => one.ledger.lead(),
      () => two.ledger.floor(),
    ]) {
      await expect(asked()).rejects.toMatchObject({ code: 'ledger_lost' });
    }
    await expect(one.bus.send({ group: 'g', stream: null, payload: 1, except: null })).rejects.toMatchObject({ code: 'ledger_lost' });
    await expect(two.ledger.follow(at(5), AbortSignal.timeout(10_000))[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'ledger_lost',
    });
    await server.start();
    await expect(back(() => one.ledger.append(entries(6, 1), term))).rejects.toMatchObject({ code: 'ledger_fenced' });
    const next = await one.ledger.lead(term + 1, at(3));
    await one.ledger.append(entries(4, 5), next);
    expect(await more).toEqual(entries(1, 8));
    await steady(two.ledger, at(2)).gap();
    await reaches(one, two);
  });

  test('killed with all on disk: it is away, and then as it was', async () => {
    const server = await serve({ appendonly: 'yes', appendfsync: 'always' });
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    const term = await one.ledger.lead();
    const reader = steady(two.ledger);
    const all = reader.until(60);
    for (let number = 1; number <= 60; number++) {
      if (number % 20 === 0) {
        await server.kill();
        await server.start();
      }
      // What was refused because it was away may have been taken for all that.
      const append = async (): Promise<void> => {
        if ((await one.ledger.tail()) < at(number)) await one.ledger.append(entries(number, 1), term);
      };
      await back(append);
    }
    expect(await all).toEqual(entries(1, 60));
    expect([await one.ledger.floor(), await one.ledger.tail()]).toEqual([START, at(60)]);
    await reaches(two, one);
  });

  test('a replica that lacks the tail takes over: the tail is appended again, and nobody is given anything twice, or misses anything', async () => {
    const [primary, replica] = [await serve(), await serve()];
    using own = await hands(replica.url);
    await own.sendCommand(['REPLICAOF', '127.0.0.1', String(primary.port)]);
    const front = disposed.use(await Front.open(primary.port));
    const fleet = fleetAt(front.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    const term = await one.ledger.lead();
    await one.ledger.append(entries(1, 10), term);
    while (!(await own.sendCommand<string>(['INFO', 'replication'])).includes('master_link_status:up')) await new Promise(setImmediate);
    using first = await hands(primary.url);
    await first.sendCommand(['SET', 'after', 'them']); // it waits for what its own connection wrote
    await first.sendCommand(['WAIT', '1', '10000']);
    await own.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    await one.ledger.append(entries(11, 5), term);
    const [had, behind] = [steady(two.ledger), steady(two.ledger)];
    await had.until(15);
    await behind.until(15);
    const more = had.until(20);
    front.point(replica.port, true);
    await primary.kill();
    const error: unknown = await back(() => one.ledger.append(entries(16, 1), term)).catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: 'ledger_conflict' });
    expect(await back(() => two.ledger.tail())).toBe(at(10)); // its own connection comes back in its own time
    const next = await one.ledger.lead(term + 1);
    for (const [from, count] of [[11, 2], [13, 6], [19, 2]] as const) await one.ledger.append(entries(from, count), next); // prettier-ignore
    expect(await more).toEqual(entries(1, 20));
    expect(await behind.until(20)).toEqual(entries(1, 20));
    expect(await steady(two.ledger).until(20)).toEqual(entries(1, 20));
    await reaches(one, two);
  });

  test('a primary that has become a replica takes nothing: whoever holds on to it is brought to where the name leads now', async () => {
    const [old, now] = [await serve(), await serve()];
    const front = disposed.use(await Front.open(old.port));
    const fleet = fleetAt(front.url);
    const { ledger } = await fleet.join();
    await ledger.append(entries(1, 1), await ledger.lead());
    using own = await hands(old.url);
    front.point(now.port, false);
    await own.sendCommand(['REPLICAOF', '127.0.0.1', String(now.port)]);
    const term = await back(() => ledger.lead(50, at(1)));
    await ledger.append(entries(2, 2), term);
    using there = await hands(now.url);
    expect(await there.exists(fleet.key('log'))).toBe(1);
  });

  /** What somebody does to the stream by hand, and nobody says. */
  const TAMPERED: Record<string, (own: Awaited<ReturnType<typeof hands>>, fleet: Fleet) => Promise<unknown>> = {
    'XTRIM of some': (own, fleet) => own.xTrim(fleet.key('log'), 'MAXLEN', 2),
    'XTRIM of all': (own, fleet) => own.xTrim(fleet.key('log'), 'MAXLEN', 0),
    'XDEL of one in the middle': async (own, fleet) =>
      own.xDel(fleet.key('log'), (await own.xRange(fleet.key('log'), '-', '+'))?.[3]?.id ?? ''),
    'DEL of the stream': (own, fleet) => own.del(fleet.key('log')),
    'DEL of the index': (own, fleet) => own.del(fleet.key('index')),
    'a message of somebody else': (own, fleet) => own.xAdd(fleet.key('log'), '18446744073709551615-1', { e: '[]' }),
    'a message that is no text': (own, fleet) => own.xAdd(fleet.key('log'), '18446744073709551615-1', { theirs: '{' }),
    'DEL of the state': (own, fleet) => own.del(fleet.key('state')),
    FLUSHALL: (own) => own.flushAll(),
  };
  test.each(Object.keys(TAMPERED))('%s: who was behind has a gap, though nothing more is appended; who had all goes on', async (name) => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    const term = await one.ledger.lead();
    for (let number = 1; number <= 8; number++) await one.ledger.append(entries(number, 1), term);
    const had = steady(two.ledger);
    await had.until(8);
    const more = had.until(10);
    using own = await hands(server.url);
    await TAMPERED[name]?.(own, fleet);
    let next = term;
    const append = (from: number, count: number): Promise<void> => one.ledger.append(entries(from, count), next);
    if (name === 'FLUSHALL' || name === 'DEL of the state') {
      await expect(append(9, 1)).rejects.toMatchObject({ code: 'ledger_fenced' });
      next = await one.ledger.lead(term + 1, at(8));
    }
    await steady(two.ledger, at(1)).gap();
    await append(9, 2);
    expect(await more).toEqual(entries(1, 10));
    expect([await two.ledger.floor(), await two.ledger.tail()]).toEqual([at(8), at(10)]);
  });

  test('what others publish on the channel is nothing, and the bus goes on', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    using own = await hands(server.url);
    const heard: unknown[] = [];
    two.bus.listen((message) => heard.push(message));
    const channel = fleet.key('log').replace(/log$/, 'bus');
    for (const text of ['', '{', 'null', '5', '["x",5]', '"x"', '\u0000\xff', `["${'x'.repeat(4_000_000)}"]`]) {
      expect(await own.publish(channel, text)).toBe(2);
    }
    await one.bus.send({ group: 'g', stream: null, payload: 'ours', except: null });
    await expect.poll(() => heard).toHaveLength(1);
  });

  test('a server that ends connections as soon as they are there is not stormed', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const one = await fleet.join();
    using own = await hands(server.url);
    const received = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(await own.sendCommand<string>(['INFO', 'stats']))?.[1]);
    const before = await received();
    for (const begun = performance.now(); performance.now() - begun < 1_000;) {
      await own.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes']);
    }
    // Less on a machine that is slow, never more on one that is quick: the pauses are what keeps it small.
    expect((await received()) - before).toBeLessThan(15);
    await reaches(one, one);
  });

  test('who is closed while a connection is made anew leaves none', async () => {
    const server = await serve();
    using own = await hands(server.url);
    const client = (DRIVERS[driver] as NonNullable<(typeof DRIVERS)[string]>)(server.url);
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let times = 0;
    const link = await Link.open(dialBy(client, 5_000), { clock: suiteClock, log: QUIET, patience: 5_000 }, async () => {
      if (++times === 1) return;
      begun.resolve();
      await goOn.promise;
    });
    link.renew();
    await begun.promise;
    link.close();
    goOn.resolve();
    await expect.poll(async () => (await own.sendCommand<string>(['CLIENT', 'LIST'])).trim().split('\n')).toHaveLength(1);
  });

  test('a server that forgets its scripts is given them again', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const { ledger } = await fleet.join();
    using own = await hands(server.url);
    const term = await ledger.lead();
    const reader = steady(ledger);
    const read = reader.until(12);
    for (let number = 1; number <= 4; number++) {
      const appended = [0, 1, 2].map((each) => ledger.append(entries(3 * number - 2 + each, 1), term));
      await own.scriptFlush();
      await Promise.all(appended);
    }
    expect(await read).toEqual(entries(1, 12));
  });

  test('connections that are cut by the server are made again, and whoever followed and listened goes on', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(), await fleet.join()];
    using own = await hands(server.url);
    const term = await one.ledger.lead();
    const reader = steady(two.ledger);
    const read = reader.until(20);
    let number = 0;
    for (let round = 0; round < 4; round++) {
      for (const type of ['normal', 'pubsub']) await own.sendCommand(['CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes']);
      for (const last = number + 5; number < last;) {
        if ((await back(() => one.ledger.tail())) === at(number + 1)) number++;
        else await one.ledger.append(entries(number + 1, 1), term).catch(away);
      }
      await reaches(one, two);
      await reaches(two, one);
    }
    expect(await read).toEqual(entries(1, 20));
  });

  test('a server that stands still is away, and when it goes on, so does everybody', async () => {
    const server = await serve();
    const fleet = fleetAt(server.url);
    const [one, two] = [await fleet.join(1_500), await fleet.join(1_500)];
    const term = await one.ledger.lead();
    await one.ledger.append(entries(1, 2), term);
    const reader = steady(two.ledger);
    await reader.until(2);
    const followed = two.ledger.follow(at(2), new AbortController().signal)[Symbol.asyncIterator]().next();
    const more = reader.until(4);
    await server.signal('SIGSTOP');
    const appended = one.ledger.append(entries(3, 1), term);
    await Promise.all([appended, followed].map((each) => expect(each).rejects.toMatchObject({ code: 'ledger_lost' }))); // in whichever order
    await server.signal('SIGCONT');
    // The server had it all along, and may do it now: entries are the same whoever appends them.
    const next = await back(() => one.ledger.lead());
    const had = (await one.ledger.tail()) === at(3);
    const rest: Entry[] = had ? entries(4, 1) : entries(3, 2);
    await one.ledger.append(rest, next);
    expect(await more).toEqual(entries(1, 4));
    await reaches(one, two);
  });
});
