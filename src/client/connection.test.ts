import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { ScriptedServer } from '../../test/support/scripted-server.ts';
import { createClient, type Client, type ClientOptions, type Complaint, type SocketLike, type Status } from './index.ts';

let server: ScriptedServer;
const clients: Client[] = [];
beforeEach(async () => {
  server = await ScriptedServer.open();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server[Symbol.asyncDispose]();
});

const STREAMS = { posts: { view: 1, key: [], fields: { title: ['text', 'string'] }, writable: ['title'] }, chat: null } as const;

function connect(options: ClientOptions = {}): Client & { readonly statuses: Status[]; becomes(status: Status): Promise<void> } {
  const client = createClient(server.url, { delay: () => 1, ...options });
  clients.push(client);
  const statuses: Status[] = [];
  client.on('status', (status) => statuses.push(status));
  const becomes = (status: Status): Promise<void> =>
    new Promise((resolve) => {
      if (client.status === status) resolve();
      else {
        const off = client.on('status', (now) => {
          if (now !== status) return;
          off();
          resolve();
        });
      }
    });
  return Object.assign(client, { statuses, becomes });
}

describe.each<readonly [string, ClientOptions]>([
  ["the platform's WebSocket", {}],
  ['ws', { webSocket: Ws }],
])('a connection by %s', (_name, options) => {
  test('asks for rowcast.1, keeps the query of the URL, and says hello first', async () => {
    const client = connect(options);
    expect(client.status).toBe('connecting');
    const peer = await server.arrival();
    expect(peer.protocol).toBe('rowcast.1');
    expect(peer.url).toBe('/binding/?blog=1');
    expect(await peer.frame()).toEqual({ type: 'hello', client: expect.stringMatching(/^\d+(-\d+){3}$/) as string });
    const at = '0000000000000000';
    peer.say({ type: 'welcome', session: 's', epoch: '1', position: at, user: null, build: '1', heartbeat: 20, streams: STREAMS });
    await client.becomes('open');
    expect(await peer.rest()).toEqual([]);
    expect(client.statuses).toEqual(['open']);
  });

  test('that is cut comes back under the same name', async () => {
    const client = connect(options);
    const first = await server.welcomed(STREAMS);
    await client.becomes('open');
    first.cut();
    const second = await server.welcomed(STREAMS);
    await client.becomes('open');
    expect(second.client).toBe(first.client);
    expect(client.statuses).toEqual(['open', 'waiting', 'connecting', 'open']);
  });

  test('that is refused at the handshake tries again', async () => {
    server.refuse = 503;
    const client = connect(options);
    await client.becomes('waiting');
    server.refuse = null;
    await server.welcomed(STREAMS);
    await client.becomes('open');
  });

  test.each([4000, 4002, 4099, 1009])('closed with %i does not come back', async (code) => {
    const client = connect(options);
    const peer = await server.welcomed(STREAMS);
    await client.becomes('open');
    peer.close(code);
    await client.becomes('failed');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.count).toBe(1);
  });

  test.each([4100, 4101, 4199])('closed with %i waits for credentials, and comes back when there are some', async (code) => {
    const client = connect(options);
    const peer = await server.welcomed(STREAMS);
    await client.becomes('open');
    peer.close(code);
    await client.becomes('signed-out');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.count).toBe(1);
    client.reconnect();
    await server.welcomed(STREAMS);
    await client.becomes('open');
  });

  test.each([4201, 4250])('closed with %i comes back at once, but waits when it hears that twice running', async (code) => {
    const waits: number[] = [];
    const client = connect({ ...options, delay: (attempt) => waits.push(attempt) });
    const first = await server.welcomed(STREAMS);
    await client.becomes('open');
    first.close(code);
    const second = await server.welcomed(STREAMS);
    expect(client.statuses).toEqual(['open', 'connecting', 'open']);
    second.close(code);
    await server.welcomed(STREAMS);
    await client.becomes('open');
    expect(client.statuses).toEqual(['open', 'connecting', 'open', 'waiting', 'connecting', 'open']);
    expect(waits).toEqual([1]);
  });

  test.each([4300, 4303, 4350, 1000, 1013, 4500])('closed with %i comes back after a wait that grows', async (code) => {
    const waits: number[] = [];
    const client = connect({ ...options, delay: (attempt) => waits.push(attempt) && 1 });
    for (let round = 0; round < 3; round++) {
      const peer = await server.welcomed(STREAMS);
      await client.becomes('open');
      peer.close(code);
      await client.becomes('waiting');
    }
    expect(waits).toEqual([0, 1, 2]);
  });

  test('closed by the client is closed for good', async () => {
    const client = connect(options);
    const peer = await server.welcomed(STREAMS);
    await client.becomes('open');
    client.close();
    expect(client.status).toBe('closed');
    expect(await peer.closed).toBe(1000);
    client.reconnect();
    expect(client.status).toBe('closed');
    expect(server.count).toBe(1);
  });

  test('closed before it was open makes no noise', async () => {
    const client = connect(options);
    client.close();
    expect(client.statuses).toEqual(['closed']);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(client.statuses).toEqual(['closed']);
  });

  test('reconnected by the app drops the old socket, and what that one still says', async () => {
    const client = connect(options);
    const heard: unknown[] = [];
    client.on('message', (payload) => heard.push(payload));
    const first = await server.welcomed(STREAMS);
    await client.becomes('open');
    client.reconnect();
    first.say({ type: 'message', stream: null, payload: 'late' });
    const second = await server.welcomed(STREAMS);
    await client.becomes('open');
    second.say({ type: 'message', stream: null, payload: 'new' });
    await second.rest();
    expect(await first.closed).toBe(1000);
    expect(heard).toEqual(['new']);
    expect(client.statuses).toEqual(['open', 'connecting', 'open']);
  });

  test.each(['nonsense', 'null', '42', '"text"', Buffer.from([0, 1])])(
    'that hears %j knows that no Rowcast server is there',
    async (raw) => {
      const client = connect(options);
      const peer = await server.arrival();
      peer.raw(raw);
      await client.becomes('failed');
      expect(await peer.closed).toBe(4000);
    },
  );
});

describe('a frame that is not what its type says', () => {
  test.each([
    '{"type":"commit"}',
    '{"type":"commit","changes":[null]}',
    '{"type":"commit","changes":[[1,"create",1,{}],null]}',
    '{"type":"rows","view":1}',
    '{"type":"rows","view":1,"rows":[[1,{}],null]}',
    '{"type":"reset","views":5}',
    '{"type":"welcome"}',
    '{"type":"welcome","streams":null}',
    '{"type":"welcome","streams":{"posts":{"view":1}}}',
    '{"type":"welcome","streams":{"posts":{"view":1,"fields":{"title":null}}}}',
    '[]',
    '{}',
  ])('%s ends the connection with 4000, and throws at nobody', async (raw) => {
    const thrown: unknown[] = [];
    const uncaught = (error: unknown): void => void thrown.push(error);
    process.on('uncaughtException', uncaught);
    try {
      const client = connect();
      const peer = await server.welcomed(STREAMS);
      await client.becomes('open');
      const posts = client.stream('posts');
      await peer.echo();
      await peer.echo();
      expect(posts.status).toBe('live');
      peer.raw(raw);
      await client.becomes('failed');
      expect(posts.rows).toEqual([]);
      client.stream('posts').on('change', () => undefined);
      expect(await peer.closed).toBe(4000);
      expect(thrown).toEqual([]);
    } finally {
      process.off('uncaughtException', uncaught);
    }
  });

  test('a value that its kind does not allow stays what it was', async () => {
    const client = connect();
    const peer = await server.welcomed({
      sums: { view: 1, key: [], fields: { n: ['bigint', 'bigint'], b: ['bytes', 'bytes'] }, writable: [] },
    });
    await client.becomes('open');
    const came = new Promise((resolve) => client.stream('sums').on('create', ({ data }) => resolve(data)));
    await new Promise((resolve) => client.stream('sums').on('ready', () => resolve(null)));
    peer.raw('{"type":"commit","position":"1","changes":[[1,"create",1,{"n":"abc","b":"#"}]]}');
    expect(await came).toEqual({ n: 'abc', b: '#' });
  });
});

test('errors that are about no subscription are told to the client', async () => {
  const client = connect();
  const errors: Complaint[] = [];
  client.on('error', (error) => errors.push(error));
  const peer = await server.welcomed(STREAMS);
  peer.say({ type: 'error', code: 'bad_frame', message: 'why' }, { type: 'error', code: 'internal', message: 'oh', id: 77 });
  await peer.rest();
  expect(errors).toEqual([
    { code: 'bad_frame', message: 'why' },
    { code: 'internal', message: 'oh' },
  ]);
});

test('frames and keys of a later server are ignored', async () => {
  const client = connect();
  const peer = await server.welcomed(STREAMS);
  await client.becomes('open');
  peer.raw('{"type":"presence","who":["ann"]}');
  peer.raw('{"type":"ping","at":1}');
  peer.raw('{"type":"seen","id":5,"position":"0000000000000001"}');
  peer.raw('{"type":"result","id":9,"ok":true,"pk":1}');
  peer.raw('{"type":"commit","position":"0000000000000001","changes":[[99,"update",1,{}]],"merged":true}');
  await peer.rest();
  expect(client.statuses).toEqual(['open']);
});

describe('a URL', () => {
  function opened(url: string): { readonly url: string; readonly protocols: readonly string[] } {
    let seen: { url: string; protocols: string[] } | undefined;
    class Recorder implements SocketLike {
      onopen = null;
      onmessage = null;
      onclose = null;
      constructor(to: string, protocols: string[]) {
        seen = { url: to, protocols };
      }
      send(): void {}
      close(): void {}
    }
    createClient(url, { webSocket: Recorder }).close();
    return seen as { url: string; protocols: string[] };
  }

  test.each([
    ['ws://host/binding/?blog=1', 'ws://host/binding/?blog=1'],
    ['wss://host:8443/b', 'wss://host:8443/b'],
    ['http://host/b', 'ws://host/b'],
    ['https://host/b?http=http', 'wss://host/b?http=http'],
  ])('%s', (url, asked) => {
    expect(opened(url)).toEqual({ url: asked, protocols: ['rowcast.1'] });
  });

  test.each([
    ['https://page.example/blog/7?x=1', '/binding/', 'wss://page.example/binding/'],
    ['http://localhost:3000/blog/', 'binding/?blog=1', 'ws://localhost:3000/blog/binding/?blog=1'],
    ['http://localhost:3000/', '//other.example/b', 'ws://other.example/b'],
  ])('of a page at %s: %s', (href, url, asked) => {
    Object.assign(globalThis, { location: { href } });
    try {
      expect(opened(url).url).toBe(asked);
    } finally {
      Reflect.deleteProperty(globalThis, 'location');
    }
  });

  test.each(['/binding/', '', 'http//x'])('%j outside of a page is refused with the cure', (url) => {
    expect(() => createClient(url, { webSocket: Ws })).toThrow(/write all of it/);
  });
});

test('where there is neither a WebSocket nor a fallback the cure is named', () => {
  const { WebSocket } = globalThis;
  Reflect.deleteProperty(globalThis, 'WebSocket');
  try {
    expect(() => createClient('ws://127.0.0.1:9/', { fallback: null })).toThrow(/npm install ws/);
    expect(() => createClient('ws://127.0.0.1:9/', { fallback: null, webSocket: Ws }).close()).not.toThrow();
  } finally {
    Object.assign(globalThis, { WebSocket });
  }
});

test('a socket of any other make will do', async () => {
  const sockets: Loop[] = [];
  class Loop implements SocketLike {
    onopen: (() => void) | null = null;
    onmessage: ((event: { readonly data: string }) => void) | null = null;
    onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
    readonly sent: string[] = [];
    constructor() {
      sockets.push(this);
    }
    send(text: string): void {
      this.sent.push(text);
    }
    close(): void {}
  }
  const client = createClient('', { socket: () => new Loop(), delay: () => 0 });
  clients.push(client);
  const [socket] = sockets as [Loop];
  socket.onopen?.();
  socket.onmessage?.({ data: JSON.stringify({ type: 'welcome', session: 's', epoch: '1', position: '0', streams: STREAMS }) });
  expect(client.status).toBe('open');
  void client.stream('posts').create({ title: 'one' });
  expect(socket.sent.map((text) => (JSON.parse(text) as { type: string }).type)).toEqual(['hello', 'write']);
  socket.onclose?.({ code: 1006, reason: '' });
  expect(client.status).toBe('waiting');
});
