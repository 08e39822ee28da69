import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindingFor, consumer, type Bindings } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// The WebSocket door from outside, byte by byte: who gets in, and what a broken peer gets.

const binding = bindingFor<null>();
const big = binding(models.post, { fields: ['body'], groupNames: () => ['all'] });
const echo = consumer({ receive: (content, { reply }) => reply(content) });

let w: World<Bindings>;
beforeAll(async () => {
  w = (await world({ bindings: { big } })) as unknown as World<Bindings>;
  w.live.endpoint('/binding/', { consumers: { big, echo } as never, connectionGroups: () => ['all'], origins: ['https://app.example'] });
});
afterAll(() => w[Symbol.asyncDispose]());

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The status a raw upgrade gets. */
async function status(target: string, headers: Readonly<Record<string, string | readonly string[]>> = {}): Promise<number> {
  const socket = connect(w.port, '127.0.0.1');
  const all = { Host: `127.0.0.1:${w.port}`, ...UPGRADE, ...headers };
  const lines = Object.entries(all).flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}`));
  socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(String(data))?.[1]);
}

describe('where a page comes from', () => {
  test.each([
    ['none', {}, 101],
    ['none, with a cookie', { Cookie: 'a=b' }, 403],
    ['the host’s own', { Origin: 'http://HOST' }, 101],
    ['the host’s own, with a cookie', { Origin: 'http://HOST', Cookie: 'a=b' }, 101],
    ['the host’s own over TLS (a proxy ends it)', { Origin: 'https://HOST' }, 101],
    ['the host’s own over TLS, as the proxy says', { Origin: 'https://HOST', 'X-Forwarded-Proto': 'https' }, 101],
    ['the host’s own without TLS, as the proxy says', { Origin: 'http://HOST', 'X-Forwarded-Proto': 'http' }, 101],
    ['an http page of a host behind TLS', { Origin: 'http://HOST', 'X-Forwarded-Proto': 'https' }, 403],
    ['an http page of a host behind TLS and a second proxy', { Origin: 'http://HOST', 'X-Forwarded-Proto': 'HTTPS, http' }, 403],
    ['an http page of a host whose https origin is listed', { Origin: 'http://app.example', Host: 'app.example' }, 403],
    ['that host’s https page', { Origin: 'https://app.example', Host: 'app.example' }, 101],
    ['a listed one', { Origin: 'https://app.example' }, 101],
    ['a listed host over another scheme', { Origin: 'http://app.example' }, 403],
    ['null', { Origin: 'null' }, 403],
    ['empty', { Origin: '' }, 403],
    ['another site', { Origin: 'https://evil.example' }, 403],
    ['a suffix of a listed one', { Origin: 'https://app.example.evil.example' }, 403],
    ['a prefix of a listed one', { Origin: 'https://evil-app.example' }, 403],
    ['another port', { Origin: 'http://127.0.0.1:1' }, 403],
    ['the listed one with a path', { Origin: 'https://app.example/' }, 403],
    ['the host in another spelling', { Origin: 'HTTP://HOST' }, 403],
    ['with a user', { Origin: 'http://user@HOST' }, 403],
    ['another scheme', { Origin: 'chrome-extension://HOST' }, 403],
    ['nonsense', { Origin: '::::' }, 403],
    ['two at once', { Origin: 'http://HOST, https://evil.example' }, 403],
  ] as const)('%s', async (_name, headers, expected) => {
    const filled = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace('HOST', `127.0.0.1:${w.port}`)]));
    expect(await status('/binding/', filled)).toBe(expected);
  });
});

test.each([
  ['http', 403],
  ['https', 400], // past that question: this is no whole handshake
] as const)('where Rowcast ends TLS itself, the host’s own %s page gets %i', async (scheme, expected) => {
  const socket = new PassThrough();
  const request = { method: 'GET', url: '/binding/', headers: { host: 'x', origin: `${scheme}://x` }, socket: { encrypted: true } };
  w.http.emit('upgrade', request, socket, Buffer.alloc(0));
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(String(data).slice(9, 12)).toBe(String(expected));
});

describe('one spelling of the path', () => {
  test.each(['/binding/', '/binding/?', '/binding/?a=b&c', '/binding/?x=/../'])('%s is the endpoint’s', async (target) => {
    expect(await status(target)).toBe(101);
  });
  test.each(
    ['/binding', '//binding/', '/binding//', '/./binding/', '/binding/./', '/x/../binding/', '/%62inding/', '/binding%2F', '/binding/%20']
      .concat(['/BINDING/', '/Binding/', '/binding/x', '/binding/;x', '/binding/#', '/binding\\', '/bindin', '/', '/binding/%00', '*'])
      .concat(['/binding/%3Fa', '/binding/..', '/binding/.%2e/binding/', 'http://127.0.0.1/binding/']),
  )('%s is not', async (target) => {
    expect([404, 400]).toContain(await status(target)); // 400: Node itself does not take it
  });
});

test.each([
  ['none', undefined, 101],
  ['ours', 'rowcast.1', 101],
  ['ours among others', 'graphql-ws, rowcast.1', 101],
  ['another', 'graphql-ws', 400],
  ['ours in another spelling', 'Rowcast.1', 400],
  ['ours of another version', 'rowcast.2', 400],
  ['empty', '', 400],
])('subprotocol: %s', async (_name, asked, expected) => {
  expect(await status('/binding/', asked === undefined ? {} : { 'Sec-WebSocket-Protocol': asked })).toBe(expected);
});

test('a refused handshake is plain HTTP, and names nothing of the inside', async () => {
  const socket = connect(w.port, '127.0.0.1');
  const lines = Object.entries({ Host: 'x', ...UPGRADE, Origin: 'https://evil.example' }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET /binding/ HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (data) => (text += String(data)));
  await once(socket, 'close');
  expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  expect(text).toContain('\r\nConnection: close\r\n');
  expect(text.endsWith('this origin may not connect\n')).toBe(true);
});

/** A client's frame, with whatever is wrong with it. */
function frame({ fin = true, rsv = 0, opcode = 1, mask = true, length }: Shape, payload: Buffer = Buffer.from('{}')): Buffer {
  const size = length ?? payload.length;
  const head =
    size < 126
      ? Buffer.from([0, (mask ? 0x80 : 0) | size])
      : Buffer.concat([Buffer.from([0, (mask ? 0x80 : 0) | 127]), (() => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(size)); return b; })()]); // prettier-ignore
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  return Buffer.concat([head, mask ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}
interface Shape {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode?: number;
  readonly mask?: boolean;
  readonly length?: number;
}

/** What the server closes with. */
async function closesWith(bytes: Buffer): Promise<number> {
  const socket = connect(w.port, '127.0.0.1');
  const lines = Object.entries({ Host: 'x', ...UPGRADE, 'Sec-WebSocket-Protocol': 'rowcast.1' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`GET /binding/ HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  const came: Buffer[] = [];
  socket.on('data', (data: Buffer) => came.push(data));
  socket.on('error', () => undefined);
  await once(socket, 'data');
  socket.write(bytes);
  await once(socket, 'close');
  const all = Buffer.concat(came);
  // The last frame is the close frame: 0x88, length, code.
  const at = all.lastIndexOf(0x88);
  return at < 0 ? 0 : all.readUInt16BE(at + 2);
}

const ping = (length: number): Buffer => frame({ opcode: 9 }, Buffer.alloc(Math.min(length, 125)));
test.each([
  ['no mask', frame({ mask: false }), 1002],
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => [`reserved bits ${rsv}`, frame({ rsv }), 1002] as const),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [`opcode ${opcode}`, frame({ opcode }), 1002] as const),
  ['a continuation of nothing', frame({ opcode: 0 }), 1002],
  ['a text within a fragmented text', Buffer.concat([frame({ fin: false }), frame({})]), 1002],
  ['a fragmented ping', frame({ opcode: 9, fin: false }), 1002],
  ['a ping of 126 bytes', Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126]), Buffer.alloc(130)]), 1002],
  ['a close of one byte', frame({ opcode: 8 }, Buffer.from([3])), 1002],
  ['a close with 1005', frame({ opcode: 8 }, Buffer.from([0x03, 0xed])), 1002],
  ['a close with 999', frame({ opcode: 8 }, Buffer.from([0x03, 0xe7])), 1002],
  ['no UTF-8', frame({}, Buffer.from([0xff, 0xfe])), 1007],
  ['overlong UTF-8', frame({}, Buffer.from([0xc0, 0xaf])), 1007],
  ['a surrogate in UTF-8', frame({}, Buffer.from([0xed, 0xa0, 0x80])), 1007],
  ['no UTF-8 in a close', frame({ opcode: 8 }, Buffer.from([0x03, 0xe8, 0xff])), 1007],
  ['a length over the limit', frame({ length: 65_537 }), 1009],
  ['a length of 2^53', frame({ length: Number.MAX_SAFE_INTEGER }), 1009],
  ['fragments over the limit together', Buffer.concat([frame({ fin: false }, Buffer.alloc(60_000, 32)), frame({ opcode: 0 }, Buffer.alloc(6_000, 32))]), 1009], // prettier-ignore
  ['a proper close', Buffer.concat([ping(10), frame({ opcode: 8 }, Buffer.from([0x03, 0xe8]))]), 1000],
] as const)('a broken peer: %s', async (_name, bytes, code) => {
  expect(await closesWith(bytes)).toBe(code);
  const next = await w.viewer('/binding/');
  next.send({ type: 'message', stream: 'echo', payload: 'the server lives' });
  await next.next('message');
  await next.close();
});

test('a client that does not read holds up nobody, and has everything once it reads; on the seed’s wire it is closed', async () => {
  const body = 'x'.repeat(60_000);
  const slow = await w.viewer('/binding/');
  const seed = await w.viewer('/binding/', { protocol: null });
  slow.socket.pause();
  seed.socket.pause();
  const quick = await w.viewer('/binding/');
  const count = 400;
  for (let id = 1; id <= count; id++) {
    await w.live.publish(big as never, [
      { before: null, after: { id, blogId: null, title: '', body, published: true, owner: null, secret: '' } },
    ]);
    if (id % 20 === 0) await quick.caughtUp();
  }
  await w.live.settled();
  await quick.caughtUp();
  expect(quick.changes).toHaveLength(count);
  seed.socket.resume();
  expect((await seed.closed).code).toBe(1013);
  slow.socket.resume();
  const rows = new Set<unknown>();
  while (rows.size < count) {
    const frame = await slow.until((each): each is typeof each => ['commit', 'rows'].includes(each.type));
    if (frame.type === 'rows') for (const [pk] of frame.rows) rows.add(pk);
    if (frame.type === 'commit') for (const [, , pk] of frame.changes) rows.add(pk);
  }
});

/** A connection that has asked for an upgrade. */
async function asking(port: number, target: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const lines = Object.entries({ Host: 'x', ...UPGRADE }).map(([name, value]) => `${name}: ${value}`);
  await new Promise((resolve) => socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, resolve));
  return socket;
}

/** All that is said until the connection ends. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => (text += String(data)));
  await once(socket, 'close');
  return text;
}

test.each(['nobody else listens', 'another listener leaves it alone'])(
  'a peer that resets an upgrade to an unknown path takes nothing with it: %s',
  async (who) => {
    await using mine = await world({ bindings: { big } });
    mine.live.endpoint('/binding/', {});
    const errors: unknown[] = [];
    const uncaught = (error: unknown): void => void errors.push(error);
    process.on('uncaughtException', uncaught);
    const left: Duplex[] = [];
    if (who !== 'nobody else listens') mine.http.on('upgrade', (_request, socket: Duplex) => void left.push(socket));
    try {
      for (let round = 0; round < 100; round++) {
        const socket = await asking(mine.port, '/nope');
        if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
        socket.resetAndDestroy();
      }
      // Ours answers last of all: what the others broke has been seen by then.
      const last = await asking(mine.port, '/binding/');
      await once(last, 'data');
      last.destroy();
      expect(errors).toEqual([]);
      // Whatever came first, the reset or the answer: each such socket has somebody who hears of its end.
      const socket = Object.assign(new PassThrough(), { encrypted: false });
      mine.http.emit('upgrade', { url: '/nope', headers: {} }, socket, Buffer.alloc(0));
      expect(socket.listenerCount('error')).toBeGreaterThan(0);
    } finally {
      process.off('uncaughtException', uncaught);
      for (const socket of left) socket.destroy();
    }
  },
);

test('handshakes under way hold a seat: beyond the limit none is asked who it is, even when those before have hung up', async () => {
  await using mine = await world({ bindings: { big } });
  let asked = 0;
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  mine.live.endpoint('/slow/', {
    limits: { connections: 2 },
    authenticate: async () => {
      asked++;
      await answered;
      return {} as never;
    },
  });
  const two = [await asking(mine.port, '/slow/'), await asking(mine.port, '/slow/')] as const;
  await expect.poll(() => asked).toBe(2);
  expect(await heard(await asking(mine.port, '/slow/'))).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 5\r\n/);
  two[0].resetAndDestroy();
  expect(await heard(await asking(mine.port, '/slow/'))).toMatch(/^HTTP\/1\.1 503 /);
  expect(asked).toBe(2);
  answer();
  expect(String((await once(two[1], 'data'))[0])).toMatch(/^HTTP\/1\.1 101 /);
  // The seat of the one that hung up is free again, and only that.
  const third = await asking(mine.port, '/slow/');
  expect(String((await once(third, 'data'))[0])).toMatch(/^HTTP\/1\.1 101 /);
  expect(await heard(await asking(mine.port, '/slow/'))).toMatch(/^HTTP\/1\.1 503 /);
  third.destroy();
  await expect
    .poll(async () => {
      const next = await asking(mine.port, '/slow/');
      const [data] = (await once(next, 'data')) as [Buffer];
      next.destroy();
      return String(data).slice(9, 12);
    })
    .toBe('101');
  two[1].destroy();
});

test('two Rowcasts on one HTTP server: each answers its own paths, and one of them what is nobody’s, once', async () => {
  await using one = await world({ bindings: { big } });
  await using two = await world({ bindings: { big } });
  one.live.endpoint('/one/', {});
  two.live.endpoint('/two/', {});
  two.live.attach(one.http);
  const answers = async (target: string): Promise<readonly string[]> => {
    const socket = await asking(one.port, target);
    const [data] = (await once(socket, 'data')) as [Buffer];
    if (String(data).includes(' 101 ')) socket.destroy();
    else return (String(data) + (await heard(socket))).match(/HTTP\/1\.1 \d+/g) ?? [];
    return ['HTTP/1.1 101'];
  };
  expect(await answers('/one/')).toEqual(['HTTP/1.1 101']);
  expect(await answers('/two/')).toEqual(['HTTP/1.1 101']);
  expect(await answers('/three/')).toEqual(['HTTP/1.1 404']);
  // One that is closed leaves the other where it was.
  await one.live.close();
  expect(await answers('/one/')).toEqual(['HTTP/1.1 404']);
  expect(await answers('/two/')).toEqual(['HTTP/1.1 101']);
});

test('a path that is nobody’s is left to another listener, and refused where there is none', async () => {
  expect(await status('/elsewhere/')).toBe(404);
  const other = (_request: unknown, socket: Duplex): void => void socket.end('HTTP/1.1 418 Mine\r\nConnection: close\r\n\r\n');
  w.http.on('upgrade', other);
  // On one of ours the other listener would spoil the answer: it looks at its own path only, as every listener must.
  expect(await status('/elsewhere/')).toBe(418);
  w.http.off('upgrade', other);
});

test('whoever is refused is in the log, once for each reason, with the cure', async () => {
  await using mine = await world({ bindings: { big } });
  mine.live.endpoint('/shut/', { authenticate: () => null });
  const refused = (origin?: string): Promise<unknown> =>
    mine.viewer('/shut/', origin === undefined ? {} : { headers: { origin } }).catch((error: unknown) => error);
  for (let times = 0; times < 3; times++) {
    await refused();
    await refused('http://localhost:5173');
  }
  expect(mine.notes.count('refused at /shut/: not signed in')).toBe(1);
  expect(mine.notes.count("origins: ['http://localhost:5173']")).toBe(1);
});
