import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindingFor } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// Where from, and where to: every other spelling of a right one is a wrong one.

const intval = bindingFor<null>()(models.integerValue, { fields: ['name'], groupNames: () => ['all'] });
let w: World<{ intval: typeof intval }>;
let asked = 0;

beforeAll(async () => {
  w = await world({ bindings: { intval } });
  w.live.endpoint('/binding/', { origins: ['https://app.example'], authenticate: () => (asked++, { id: 1 }) as never });
  // What is no endpoint's is the app's own to answer.
  w.http.on('upgrade', (request, socket) => {
    if (request.url?.split('?')[0] !== '/binding/') socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
  });
});
afterAll(() => w[Symbol.asyncDispose]());

/** The status that an upgrade is answered with, everything in it as it stands. */
async function upgrade(target: string, headers: readonly string[], host = `127.0.0.1:${w.port}`): Promise<number> {
  const socket = connect(w.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const own = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: rowcast.1'];
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`;
  socket.write(`GET ${target} HTTP/1.1\r\n${[`Host: ${host}`, ...own, key, ...headers].join('\r\n')}\r\n\r\n`);
  const [head] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])])) as [Buffer | string];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(String(head))?.[1] ?? 0);
}

test('the right ones are let in: no Origin, the own one, and one of the list', async () => {
  expect(await upgrade('/binding/', [])).toBe(101);
  expect(await upgrade('/binding/?a=1', [`Origin: http://127.0.0.1:${w.port}`])).toBe(101);
  expect(await upgrade('/binding/', ['Origin: https://app.example', 'Cookie: a=b'])).toBe(101);
});

const ORIGINS = [
  'null', 'http://evil.example', 'https://evil.example', 'http://127.0.0.1', 'http://127.0.0.1:1', 'https://app.example.evil.example', 'https://evil.example/https://app.example',
  'https://app.example:444', 'http://app.example', 'https://app.example.', 'https://APP.example', 'https://app.example/', 'https://app.example?', 'https://app.example#', 'https://user@app.example',
  ' https://app.example,https://evil.example', 'https://evil.example https://app.example', 'app.example', '//app.example', 'wss://app.example', 'file://', 'data:', 'javascript:alert(1)',
  'chrome-extension://abcdef', 'https://xn--app-.example', 'https://app%2eexample', 'https://*', '*', 'https://*.example', 'http://localhost', 'http://[::1]', 'http://2130706433',
]; // prettier-ignore

test.each(ORIGINS)('a page from %s gets no socket, and nobody is asked who it is', async (origin) => {
  const before = asked;
  expect(await upgrade('/binding/', [`Origin: ${origin}`])).toBe(403);
  expect(await upgrade('/binding/', [`Origin: ${origin}`, 'Cookie: session=1'])).toBe(403);
  expect(asked).toBe(before);
});

test.each(['session=1', 'a=', '=', ';'])('a cookie without an Origin comes from no program: %s', async (cookie) => {
  expect(await upgrade('/binding/', [`Cookie: ${cookie}`])).toBe(403);
});

const TARGETS = [
  '/binding', '/Binding/', '/BINDING/', '//binding/', '/binding//', '/./binding/', '/binding/.', '/binding/..', '/x/../binding/', '/binding/%2e%2e/', '/%62inding/', '/binding%2F', '/binding/%00',
  '/binding/;a=b', '/binding;/', '/binding/#', '/binding/\\', '\\binding\\', '/binding/x', '/x/binding/', '/', '/binding/?', '*', 'binding/', '?', '/__proto__', '/constructor', '/toString/', '/binding/%', '/%',
  'http://evil.example/binding/', 'http:///binding/', '/binding/\u0001',
]; // prettier-ignore

test.each(TARGETS.filter((target) => target !== '/binding/?'))('no other spelling leads to an endpoint: %j', async (target) => {
  const before = asked;
  expect(await upgrade(target, [])).not.toBe(101);
  expect(asked).toBe(before);
});

test.each(['', 'evil.example', 'evil.example:80', '127.0.0.1:1', 'a b', '127.0.0.1@evil.example', '[::1', ':', 'x'.repeat(4_000)])(
  'a page of the host that it names itself is the only one: Host %j',
  async (host) => {
    expect(await upgrade('/binding/', [`Origin: http://127.0.0.1:${w.port}`], host)).not.toBe(101);
  },
);

test('nothing of it was an error of ours, and the server serves', async () => {
  expect(ORIGINS.length * 2 + TARGETS.length + 4).toBeGreaterThanOrEqual(76);
  expect(w.notes.lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await upgrade('/binding/', [])).toBe(101);
});
