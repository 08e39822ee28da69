import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventSocket } from '../../src/client/events.ts';
import { createClient, type Client, type ClientOptions, type Status } from '../../src/client/index.ts';
import { drizzle } from '../../src/drizzle/index.ts';
import { bindingFor, rowcast, type Live } from '../../src/main/index.ts';
import { memory } from '../../src/memory/index.ts';
import { HeldClock } from '../support/held-client.ts';
import { Proxy } from '../support/proxy.ts';
import { Notes } from '../support/world.ts';

const value = sqliteTable('value', { id: integer().primaryKey(), name: text().notNull() });
const values = bindingFor<{ readonly id: string }>()(drizzle(value), {
  fields: ['name'],
  groupNames: () => ['values'],
  hasPermission: () => true,
});

let live: Live<{ values: typeof values }>;
let http: Server;
let proxy: Proxy;
let url: string;
const valid = new Set<string>();
/** The tokens that came, in order; null: none did. */
let shown: (string | null)[];
let clients: Client[];

beforeEach(async () => {
  clients = [];
  shown = [];
  valid.clear();
  live = await rowcast({ source: memory(), bindings: { values }, log: new Notes() });
  live.endpoint('/binding/', { connectionGroups: () => ['values'] });
  live.endpoint('/members/', {
    connectionGroups: () => ['values'],
    authenticate: ({ headers }) => {
      const token = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? null;
      shown.push(token);
      return token !== null && valid.has(token) ? { id: 'ann' } : null;
    },
  });
  http = createServer((request, response) => {
    if (!live.handle(request, response)) response.writeHead(404).end();
  });
  live.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  proxy = await Proxy.open((http.address() as AddressInfo).port);
  url = `http://127.0.0.1:${proxy.port}`;
});

afterEach(async () => {
  for (const client of clients) client.close();
  await proxy[Symbol.asyncDispose]();
  await live.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

interface Connected {
  readonly client: Client;
  readonly statuses: Status[];
  becomes(status: Status, times?: number): Promise<void>;
}

function connected(path: string, options: ClientOptions = {}): Connected {
  const client = createClient(`${url}${path}`, { delay: () => 1, ...options });
  clients.push(client);
  const statuses: Status[] = [];
  let wake = (): void => undefined;
  client.on('status', (status) => {
    statuses.push(status);
    wake();
  });
  // A client without a stream has nothing to connect for.
  client.stream('values').on('change', () => undefined);
  return {
    client,
    statuses,
    async becomes(status, times = 1) {
      while (statuses.filter((each) => each === status).length < times) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

/** Writes, and sees it come back. */
async function roundTrip(client: Client, name: string): Promise<void> {
  const stream = client.stream('values');
  const came = new Promise<void>((resolve) => stream.on('commit', () => stream.rows.some((row) => row['name'] === name) && resolve()));
  expect(await stream.create({ name })).toMatchObject({ ok: true });
  await came;
  stream.close();
}

describe('where a proxy', () => {
  test('lets WebSockets through, nothing else is asked for', async () => {
    const { client, becomes } = connected('/binding/');
    await becomes('open');
    await roundTrip(client, 'one');
    proxy.cut();
    await becomes('open', 2);
    expect([proxy.upgrades, proxy.streams]).toEqual([2, 0]);
  });

  test('refuses upgrades, the third try is events: rows and writes as everywhere; and there it stays', async () => {
    proxy.passing = 'refuses';
    const { client, becomes } = connected('/binding/');
    await becomes('open');
    expect([proxy.upgrades, proxy.streams]).toEqual([2, 1]);
    await roundTrip(client, 'one');
    for (let round = 2; round <= 4; round++) {
      proxy.cut();
      await becomes('open', round);
      await roundTrip(client, `after ${round}`);
    }
    expect([proxy.upgrades, proxy.streams]).toEqual([2, 4]);
  });

  test('takes WebSockets and swallows what is said, it is the same once their silence has lasted', async () => {
    proxy.passing = 'swallows';
    const clock = new HeldClock();
    const { becomes, statuses } = connected('/binding/', { clock });
    for (let round = 1; round <= 2; round++) {
      clock.pass();
      await proxy.asked('upgrades', round);
      clock.pass(62_500);
      await becomes('waiting', round);
      clock.pass(1);
    }
    await becomes('open');
    expect([proxy.upgrades, proxy.streams]).toEqual([2, 1]);
    expect(statuses).toEqual(['waiting', 'connecting', 'waiting', 'connecting', 'open']);
  });

  test('begins to refuse where WebSockets had worked, there is a way within five tries, and the rows are gone on with', async () => {
    const { client, becomes } = connected('/binding/');
    await becomes('open');
    await roundTrip(client, 'one');
    proxy.passing = 'refuses';
    proxy.cut();
    await becomes('open', 2);
    expect([proxy.upgrades, proxy.streams]).toEqual([5, 1]);
    await roundTrip(client, 'two');
    expect(client.stream('values').rows.map((row) => row['name'])).toEqual(['one', 'two']);
  });

  test('is away for long, and with it the server, both ways are tried', async () => {
    proxy.passing = 'away';
    const { client, becomes } = connected('/binding/');
    await proxy.asked('upgrades', 6);
    proxy.passing = 'open';
    await becomes('open');
    await roundTrip(client, 'one');
  });
});

test('where there is no WebSocket events are all there is', async () => {
  const { WebSocket } = globalThis;
  Reflect.deleteProperty(globalThis, 'WebSocket');
  try {
    const { client, becomes, statuses } = connected('/binding/');
    await becomes('open');
    await roundTrip(client, 'one');
    proxy.cut();
    await becomes('open', 2);
    expect([proxy.upgrades, proxy.streams]).toEqual([0, 2]);
    expect(statuses[0]).toBe('open');
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});

describe.each<readonly [string, (to: string) => ClientOptions]>([
  ['WebSockets', () => ({ fallback: null })],
  ['events', (to) => ({ socket: eventSocket(to) })],
])('over %s', (_name, options) => {
  test('a token is shown to `authenticate`; one that ran out meanwhile is replaced without a word', async () => {
    valid.add('1');
    let given = 0;
    const { client, becomes, statuses } = connected('/members/', {
      ...options(`${url}/members/`),
      token: async () => (++given === 2 ? 'stale' : String(given)),
    });
    await becomes('open');
    await roundTrip(client, 'one');
    valid.delete('1');
    valid.add('3');
    proxy.cut();
    await becomes('open', 2);
    await roundTrip(client, 'two');
    expect([...new Set(shown)]).toEqual(['1', 'stale', '3']);
    expect(statuses).not.toContain('signed-out');
  });

  test('who is refused with two tokens is signed out, and asks no more until told to', async () => {
    let given = 0;
    const { client, becomes } = connected('/members/', { ...options(`${url}/members/`), token: () => `token-${++given}` });
    await becomes('signed-out');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(shown).toEqual(['token-1', 'token-2']);
    valid.add('token-3');
    client.reconnect();
    await becomes('open');
    expect(shown.at(-1)).toBe('token-3');
  });

  test('who needs a token and has none is signed out at once', async () => {
    await connected('/members/', options(`${url}/members/`)).becomes('signed-out');
    expect(shown).toEqual([null]);
  });
});
