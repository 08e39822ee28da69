import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HAS_NATS, startNats, type NatsServer } from '../../test/servers/nats.ts';
import { asked, backAgain, FleetWorld } from '../../test/support/nats-world.ts';
import type { GroupMessage } from '../core/index.ts';
import { at, entries, START } from '../testing/ledger-trial.ts';
import { nats } from './index.ts';
import { namesOf } from './stream.ts';

let server: NatsServer;
beforeAll(async () => {
  if (HAS_NATS) server = await startNats({ config: 'authorization { user: "us\u0117r", password: "p@ss:w/rd" }' });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const address = (): string => server.url.replace('://', `://${encodeURIComponent('us\u0117r')}:${encodeURIComponent('p@ss:w/rd')}@`);

function message(payload: string): GroupMessage {
  return { group: '\u0000žluť', stream: null, payload, except: null };
}

describe.skipIf(!HAS_NATS)('a connection', () => {
  test('is made with what the address says, and refused without', async () => {
    await using world = new FleetWorld(START);
    const { ledger } = await world.open(nats(`${address()}, nats://127.0.0.1:1`));
    expect(await ledger.tail()).toBe(START);
    await expect(world.open(nats(server.url))).rejects.toMatchObject({ code: 'ledger_lost' });
  });

  test('of the app is used, and left open', async () => {
    const connection = await connect({ servers: server.url, user: 'us\u0117r', pass: 'p@ss:w/rd' });
    {
      await using world = new FleetWorld(START);
      const { ledger, bus } = await world.open(nats(connection));
      const term = await ledger.lead();
      await ledger.append(entries(1, 1), term);
      await bus.send(message('x'));
      expect(await ledger.tail()).toBe(at(1));
    }
    expect(connection.isClosed()).toBe(false);
    await connection.flush();
    await connection.close();
  });

  test('that cannot be made says where it was tried, and no password', async () => {
    await using world = new FleetWorld(START);
    const opened = world.open(nats('nats://me:secret@127.0.0.1:1'));
    await expect(opened).rejects.toMatchObject({ code: 'ledger_lost', message: expect.stringContaining('127.0.0.1:1') as string });
    await expect(opened).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string });
  });

  test('two histories share nothing, whatever they are called', async () => {
    const epochs = ['a.b', 'a.*', 'a.>', 'a b', 'ž', '', 'a'.repeat(1_000)];
    const names = epochs.map((epoch) => namesOf(epoch));
    expect(new Set(names.map(({ stream }) => stream)).size).toBe(epochs.length);
    for (const { stream, log, bus } of names) {
      expect(stream).toMatch(/^rowcast_[\w-]{22}$/);
      expect([log, bus].join(' ')).toMatch(/^rowcast\.log\.[\w-]{22} rowcast\.bus\.[\w-]{22}$/);
    }
    expect(() => nats('x', { prefix: 'a.>' })).toThrow('prefix');
  });

  test('that is lost is told to who sends, and messages go on once it is there again', async () => {
    await using world = new FleetWorld(START);
    const [one, other] = [await world.open(nats(address())), await world.open(nats(address()))];
    const heard: unknown[] = [];
    other.bus.listen(({ payload }) => heard.push(payload));
    await one.bus.send(message('before'));
    await expect.poll(() => heard).toEqual(['before']);
    await server.kill();
    await expect.poll(() => one.bus.send(message('lost')).catch((error: { code: string }) => error.code)).toBe('ledger_lost');
    await server.start();
    for (const { ledger } of [one, other]) await backAgain(ledger);
    await one.bus.send(message('after'));
    await expect.poll(() => heard).toEqual(['before', 'after']);
  });

  test('stays, and the bus goes on, whatever others publish under its subject and whoever fails at a message', async () => {
    await using world = new FleetWorld(START);
    const [one, other] = [await world.open(nats(address())), await world.open(nats(address()))];
    const heard: unknown[] = [];
    other.bus.listen(() => {
      throw new Error('a listener');
    });
    other.bus.listen(({ payload }) => heard.push(payload));
    const own = await connect({ servers: server.url, user: 'us\u0117r', pass: 'p@ss:w/rd' });
    const { bus, log } = namesOf(world.epoch);
    for (const text of ['', '{', 'null', '5', '{"group":1}', '{"group":"g","stream":null}', '\u0000', 'x'.repeat(1_000_000)]) {
      own.publish(bus, text);
    }
    const term = await one.ledger.lead();
    await one.ledger.append(entries(1, 1), term);
    for (const text of ['', '{', 'null\n', '{"seq":1,"term":9,"tail":"z"}\nnot ours']) await own.request(`${log}.theirs`, text);
    await own.close();
    await one.bus.send(message('ours'));
    await expect.poll(() => heard).toEqual(['ours']);
  });

  test('that is lost again and again leaves no subscriptions behind, and nor does a broker on a connection of the app', async () => {
    const connection = await connect({
      servers: server.url,
      user: 'us\u0117r',
      pass: 'p@ss:w/rd',
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
    });
    const inner = (connection as unknown as { protocol: { subscriptions: { size(): number }; listeners: unknown[] } }).protocol;
    const listeners = inner.listeners.length;
    {
      await using world = new FleetWorld(START);
      const { ledger } = await world.open(nats(connection));
      const counts: number[] = [];
      for (let round = 0; round < 3; round++) {
        const ended = new AbortController();
        const read = ledger
          .follow(START, ended.signal)
          [Symbol.asyncIterator]()
          .next()
          .catch((error: { code: string }) => error.code);
        await expect.poll(() => inner.subscriptions.size()).toBe(3); // the answers', the bus's, the follower's
        await server.kill();
        expect(await read).toBe('ledger_lost');
        await server.start();
        await backAgain(ledger);
        counts.push(inner.subscriptions.size());
      }
      expect(counts).toEqual([2, 2, 2]);
    }
    expect([inner.subscriptions.size(), inner.listeners.length]).toEqual([1, listeners]);
    await connection.close();
  });

  test('of which a message is larger than the server takes is an error, and not a lost connection', async () => {
    await using world = new FleetWorld(START);
    const { bus, ledger } = await world.open(nats(address()));
    await expect(bus.send(message('x'.repeat(2 * 1024 * 1024)))).rejects.toMatchObject({
      code: 'message_refused',
      message: expect.stringContaining('max_payload') as string,
    });
    expect(await ledger.tail()).toBe(START);
  });
});

describe.skipIf(!HAS_NATS)('examine', () => {
  const levels = async (url: string): Promise<Record<string, string>> =>
    Object.fromEntries((await nats(url).examine()).map(({ about, level }) => [about, level]));

  test('finds a server that is away, one without JetStream, and one that is well', async () => {
    expect(await levels('nats://127.0.0.1:1')).toEqual({ nats: 'error' });
    await using plain = await startNats({ jetStream: false });
    expect(await levels(plain.url)).toMatchObject({ version: 'ok', jetstream: 'error' });
    await using well = await startNats();
    expect(await levels(well.url)).toMatchObject({ version: 'ok', jetstream: 'ok' });
  });

  test('finds what is wrong with a stream, with the cure', async () => {
    await using own = await startNats();
    const [inMemory, limited, other] = ['a', 'b', 'c'].map((epoch) => namesOf(epoch));
    if (!inMemory || !limited || !other) throw new Error('unreachable');
    await asked(own, `STREAM.CREATE.${inMemory.stream}`, { name: inMemory.stream, subjects: [`${inMemory.log}.*`], storage: 'memory' });
    await asked(own, `STREAM.CREATE.${limited.stream}`, { name: limited.stream, subjects: [`${limited.log}.*`], max_age: 60_000_000_000 });
    await asked(own, 'STREAM.CREATE.theirs', { name: 'theirs', subjects: ['theirs'], storage: 'memory' });
    await using world = new FleetWorld(START);
    await world.open(nats(own.url));
    const found = await nats(own.url).examine();
    const of = (stream: string) => found.filter(({ about }) => about === `stream ${stream}`);
    expect(of(inMemory.stream)).toMatchObject([{ level: 'warning', message: expect.stringContaining('memory') as string }]);
    expect(of(limited.stream)).toMatchObject([{ level: 'warning', cure: [expect.stringContaining('--max-age 0')] }]);
    expect(of(namesOf(world.epoch).stream)).toMatchObject([{ level: 'ok' }]);
    expect(of('theirs')).toEqual([]);
  });
});
