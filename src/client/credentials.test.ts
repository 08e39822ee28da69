import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import type { WelcomeFrame } from '../protocol/index.ts';
import { systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import { webSocket, type TokenSupplier } from './socket.ts';
import type { Status } from './types.ts';

const WELCOME: WelcomeFrame = {
  type: 'welcome',
  session: 's',
  epoch: '1',
  position: '0000000000000001',
  user: 'ann',
  build: '1',
  heartbeat: 20,
  streams: {},
};

/** Lets those in whose token is on its list, and tells the others by 4100. */
class Endpoint {
  readonly url: string;
  readonly valid = new Set<string>();
  /** The tokens it was shown, and the first frames of those who were let in. */
  readonly tokens: (string | null)[] = [];
  readonly heard: string[] = [];
  readonly sockets: WebSocket[] = [];
  readonly #server: WebSocketServer;

  constructor(server: WebSocketServer) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/binding/`;
    server.on('connection', (socket, { headers }) => {
      const asked = String(headers['sec-websocket-protocol']).split(/, ?/);
      const shown = asked.find((each) => each.startsWith('bearer.'))?.slice('bearer.'.length);
      if (shown !== undefined && !/^[\w-]+$/.test(shown)) throw new Error(`${shown} is not base64url`);
      const token = shown === undefined ? null : Buffer.from(shown, 'base64url').toString();
      this.tokens.push(token);
      this.sockets.push(socket);
      if (token === null || !this.valid.has(token)) return socket.close(4100, 'who is that?');
      socket.on('message', (data) => this.heard.push(String(data)));
      socket.send(JSON.stringify(WELCOME));
    });
  }

  static async open(): Promise<Endpoint> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'rowcast.1' });
    await once(server, 'listening');
    return new Endpoint(server);
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Opened {
  readonly connection: Connection;
  readonly statuses: Status[];
  readonly waits: number[];
  becomes(status: Status, times?: number): Promise<void>;
}

let endpoint: Endpoint;
const opened: Connection[] = [];
beforeEach(async () => {
  endpoint = await Endpoint.open();
});
afterEach(async () => {
  for (const connection of opened.splice(0)) connection.happen('close');
  await endpoint.close();
});

function connect(token?: TokenSupplier): Opened {
  const statuses: Status[] = [];
  const waits: number[] = [];
  let wake = (): void => undefined;
  const connection = new Connection({
    clock: systemClock,
    socket: webSocket(endpoint.url),
    token,
    delay: (attempt) => waits.push(attempt) && 1,
    hello: '{"type":"hello","client":"of-the-test"}',
    frame: () => undefined,
    status: (status) => {
      statuses.push(status);
      wake();
    },
  });
  opened.push(connection);
  connection.begin();
  return {
    connection,
    statuses,
    waits,
    async becomes(status, times = 1) {
      while (statuses.filter((each) => each === status).length < times) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

/** Gives these, the last one again and again; counts how often it was asked. */
function supplier(...given: readonly (string | null | Error)[]): TokenSupplier & { asked: number } {
  const supply = Object.assign(
    async () => {
      const next = given[Math.min(supply.asked++, given.length - 1)];
      if (next instanceof Error) throw next;
      return next ?? null;
    },
    { asked: 0 },
  );
  return supply;
}

describe('a token', () => {
  test('is asked for before each socket, and shown as base64url beside the protocol', async () => {
    const tokens = ['one', 'a longer one: ?>~ÿ€', 'x'.repeat(2_000)];
    for (const token of tokens) endpoint.valid.add(token);
    const token = supplier(...tokens);
    const { becomes } = connect(token);
    for (let round = 1; round <= tokens.length; round++) {
      await becomes('open', round);
      expect(token.asked).toBe(round);
      endpoint.sockets.at(-1)?.terminate();
    }
    await becomes('open', tokens.length + 1);
    expect(endpoint.tokens.slice(0, 3)).toEqual(tokens);
  });

  test('that is given at once will do, and without a supplier none is shown', async () => {
    endpoint.valid.add('at once');
    await connect(() => 'at once').becomes('open');
    await connect().becomes('signed-out');
    expect(endpoint.tokens).toEqual(['at once', null]);
  });

  test('that is refused is replaced by a fresh one, at once', async () => {
    endpoint.valid.add('fresh');
    const { statuses, waits, becomes } = connect(supplier('stale', 'fresh'));
    await becomes('open');
    expect(endpoint.tokens).toEqual(['stale', 'fresh']);
    expect(statuses).toEqual(['connecting', 'open']);
    expect(waits).toEqual([]);
  });

  test('that is refused twice running signs out, and nothing is asked any more', async () => {
    const token = supplier('bad');
    const { connection, becomes } = connect(token);
    await becomes('signed-out');
    expect([token.asked, endpoint.tokens]).toEqual([2, ['bad', 'bad']]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(token.asked).toBe(2);
    // Nobody has welcomed it meanwhile: once is enough.
    connection.happen('reconnect');
    await becomes('signed-out', 2);
    expect(token.asked).toBe(3);
    endpoint.valid.add('bad');
    connection.happen('reconnect');
    await becomes('open');
  });

  test('that runs out is replaced every time, once it has been good', async () => {
    for (const token of ['1', '2', '3']) endpoint.valid.add(token);
    const { becomes, statuses } = connect(supplier('1', 'old', '2', 'old', '3', 'old'));
    for (let round = 1; round <= 3; round++) {
      await becomes('open', round);
      endpoint.valid.delete(String(round));
      endpoint.sockets.at(-1)?.close(4101);
      // The first of the two it is given then is refused: it has had its chance.
      await becomes('signed-out', round);
      opened[0]?.happen('reconnect');
    }
    expect(statuses.filter((status) => status === 'signed-out')).toHaveLength(3);
  });

  test('that a server welcomes and refuses again and again is asked for with a wait between', async () => {
    endpoint.valid.add('good');
    const { waits, becomes } = connect(supplier('good'));
    for (let round = 1; round <= 4; round++) {
      await becomes('open', round);
      endpoint.sockets.at(-1)?.close(4101);
    }
    await becomes('open', 5);
    expect(waits).toEqual([1, 2, 3]);
  });

  test.each([null, ''])('%j: nobody is signed in, and no socket is opened', async (none) => {
    const token = supplier(none);
    await connect(token).becomes('signed-out');
    expect([token.asked, endpoint.tokens]).toEqual([1, []]);
  });

  test('that cannot be had now is asked for again: nobody is signed out by a network that is away', async () => {
    endpoint.valid.add('good');
    const { statuses, waits, becomes } = connect(supplier(new TypeError('fetch failed'), new TypeError('fetch failed'), 'good'));
    await becomes('open');
    expect(statuses).toEqual(['waiting', 'connecting', 'waiting', 'connecting', 'open']);
    expect(waits).toEqual([0, 1]);
  });

  test('a supplier that throws in place of rejecting is no other', async () => {
    endpoint.valid.add('good');
    let asked = 0;
    const { becomes } = connect(() => {
      if (asked++ === 0) throw new Error('not yet');
      return 'good';
    });
    await becomes('open');
    expect(asked).toBe(2);
  });

  test.each(['close', 'signOut', 'reconnect'] as const)('that comes after %s opens nothing', async (happening) => {
    endpoint.valid.add('late').add('next');
    let give = (_token: string): void => undefined;
    const tokens = [new Promise<string>((resolve) => (give = resolve)), 'next'];
    const { connection, becomes } = connect(() => tokens.shift() as string);
    await new Promise((resolve) => setImmediate(resolve));
    connection.happen(happening);
    give('late');
    if (happening === 'reconnect') await becomes('open');
    else await new Promise((resolve) => setTimeout(resolve, 30));
    expect(endpoint.tokens).toEqual(happening === 'reconnect' ? ['next'] : []);
  });
});

describe('signed out', () => {
  test('by the app the connection drops its socket, says nothing more and does not come back, until it is told to', async () => {
    endpoint.valid.add('good');
    const { connection, statuses, becomes } = connect(supplier('good'));
    await becomes('open');
    const [socket] = endpoint.sockets as [WebSocket];
    const closed = once(socket, 'close');
    connection.happen('signOut');
    connection.send('{"type":"message","stream":"chat","payload":"too late"}');
    expect((await closed)[0]).toBe(1000);
    expect(endpoint.heard.filter((text) => text.includes('too late'))).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([endpoint.tokens.length, connection.status]).toEqual([1, 'signed-out']);
    connection.happen('reconnect');
    await becomes('open', 2);
    expect(statuses).toEqual(['open', 'signed-out', 'connecting', 'open']);
  });

  test('while it waits, it waits no longer', async () => {
    endpoint.valid.add('good');
    const { connection, becomes } = connect(supplier('good'));
    await becomes('open');
    endpoint.sockets[0]?.terminate();
    await becomes('waiting');
    connection.happen('signOut');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([endpoint.tokens.length, connection.status]).toEqual([1, 'signed-out']);
  });
});
