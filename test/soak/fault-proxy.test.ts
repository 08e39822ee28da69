import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FaultProxy, type Link } from './fault-proxy.ts';

/** A socket, what came through it, and how it ended. */
class End {
  readonly socket: Socket;
  readonly ended: Promise<'fin' | 'rst'>;
  #bytes = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      socket.on('end', () => resolve('fin'));
      socket.on('error', () => resolve('rst'));
    });
  }

  get heard(): string {
    return this.#bytes.toString();
  }

  async hears(text: string): Promise<void> {
    while (!this.heard.endsWith(text)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

let server: Server;
let proxy: FaultProxy;
const sockets: Socket[] = [];
let accepted: (end: End) => void = () => undefined;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    accepted(new End(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await FaultProxy.before({ port: (server.address() as AddressInfo).port });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy[Symbol.asyncDispose]();
  await new Promise((resolve) => server.close(resolve));
});

async function pair(): Promise<{ near: End; far: End; link: Link }> {
  const taken = new Promise<End>((resolve) => (accepted = resolve));
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  const near = new End(socket);
  const far = await taken;
  const link = proxy.linkFrom(socket.localPort ?? 0);
  if (!link) throw new Error('the proxy does not know the connection');
  return { near, far, link };
}

/** Both ways and back on a connection of its own: whatever could have passed elsewhere by then has passed. */
async function meanwhile(): Promise<void> {
  const { near, far } = await pair();
  for (let round = 0; round < 3; round++) {
    near.socket.write('.');
    await far.hears('.'.repeat(round + 1));
    far.socket.write('.');
    await near.hears('.'.repeat(round + 1));
  }
}

test('every byte passes in order, both ways, and a half that is done is told to the other end', async () => {
  const { near, far } = await pair();
  const text = Array.from({ length: 50_000 }, (_, n) => `${n},`).join('');
  near.socket.end(`${text}!`);
  await far.hears('!');
  expect(far.heard).toBe(`${text}!`);
  expect(await far.ended).toBe('fin');
  far.socket.end(`${text}?`);
  await near.hears('?');
  expect(near.heard).toBe(`${text}?`);
  expect(await near.ended).toBe('fin');
});

test('a lane at rate 0 passes nothing and holds up its sender, the other lane flows, and all of it arrives when it flows again', async () => {
  const { near, far, link } = await pair();
  link.up.throttle(0);
  const block = Buffer.alloc(1 << 20, 'x');
  let sent = 0;
  // The kernel takes megabytes, and more after a while.
  do {
    near.socket.write(block);
    sent++;
    await meanwhile();
  } while (near.socket.writableLength === 0 && sent < 64);
  far.socket.write('down');
  await near.hears('down');
  expect(far.heard).toBe('');
  expect(near.socket.writableLength).toBeGreaterThan(0);
  near.socket.write('!');
  link.heal();
  await far.hears('!');
  expect(far.heard.length).toBe(sent * block.length + 1);
});

test('a throttled lane passes part by part', async () => {
  const { near, far, link } = await pair();
  link.up.throttle(10_000);
  near.socket.write('x'.repeat(1_000_000));
  await meanwhile();
  while (far.heard.length === 0) await meanwhile();
  expect(far.heard.length).toBeLessThan(1_000_000);
  expect(link.up.passed).toBeLessThan(1_000_000);
  link.heal();
  near.socket.write('!');
  await far.hears('!');
  expect(far.heard.length).toBe(1_000_001);
});

test('what was delayed comes after what was sent later on another link, and in its order', async () => {
  const { near, far, link } = await pair();
  link.up.delay(50);
  for (const part of ['a', 'b', 'c']) near.socket.write(part);
  await meanwhile();
  await far.hears('c');
  expect(far.heard).toBe('abc');
});

test.each(['up', 'down', 'both'] as const)('half-open %s: the sender is not told, the other end hears nothing', async (way) => {
  const { near, far, link } = await pair();
  link.swallow(way);
  near.socket.write('up');
  far.socket.write('down');
  if (way !== 'up') near.socket.on('data', () => undefined);
  if (way === 'up') await near.hears('down');
  if (way === 'down') await far.hears('up');
  await meanwhile();
  expect(far.heard).toBe(way === 'down' ? 'up' : '');
  expect(near.heard).toBe(way === 'up' ? 'down' : '');
  expect(near.socket.errored ?? far.socket.errored).toBe(null);
  link.heal();
  expect(await near.ended).toBe('rst');
  expect(await far.ended).toBe('rst');
});

test('half-open, one end goes away: the other is not told', async () => {
  const { near, far, link } = await pair();
  link.swallow('both');
  near.socket.resetAndDestroy();
  await meanwhile();
  expect(far.socket.errored).toBe(null);
  expect(far.socket.readableEnded).toBe(false);
  expect(proxy.links).toContain(link);
  link.cut();
  expect(await far.ended).toBe('rst');
});

test.each(['fin', 'rst'] as const)('a link that is cut by %s ends so at both ends', async (how) => {
  const { near, far, link } = await pair();
  link.cut(how);
  expect(await near.ended).toBe(how);
  expect(await far.ended).toBe(how);
});

test('an end that is reset resets the other', async () => {
  const { near, far } = await pair();
  near.socket.resetAndDestroy();
  expect(await far.ended).toBe('rst');
});

test('while it refuses, new connections are reset and old ones go on; then new ones go to the target of that time', async () => {
  const { near, far } = await pair();
  proxy.refusing = true;
  const refused = connect(proxy.port, '127.0.0.1');
  sockets.push(refused);
  expect(await new End(refused).ended).toBe('rst');
  near.socket.write('!');
  await far.hears('!');
  const other = createServer((socket) => socket.end('other'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  proxy.target = { port: (other.address() as AddressInfo).port };
  proxy.heal();
  const late = connect(proxy.port, '127.0.0.1');
  sockets.push(late);
  await new End(late).hears('other');
  await new Promise((resolve) => other.close(resolve));
});

test('a target that is not there resets who connects', async () => {
  proxy.target = { port: 1 };
  const socket = connect(proxy.port, '127.0.0.1');
  sockets.push(socket);
  expect(await new End(socket).ended).toBe('rst');
});
