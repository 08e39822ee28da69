import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { bindingFor } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// Whom `authenticate` does not know: told so in a way that a page can hear, and nothing else is.

const intval = bindingFor<{ readonly id: string }>()(models.integerValue, { fields: ['name'], groupNames: () => ['all'] });

let w: World<{ intval: typeof intval }>;
const asked: Request[] = [];

beforeAll(async () => {
  w = await world({ bindings: { intval } });
  w.live.endpoint('/', {
    authenticate: (by) => {
      asked.push(by);
      const token = /^Bearer (.+)$/.exec(by.headers.get('authorization') ?? '')?.[1];
      return token === undefined ? null : { id: token };
    },
    limits: { connections: 1 },
  });
});
afterAll(() => w[Symbol.asyncDispose]());

interface Came {
  readonly protocol: string;
  readonly messages: number;
  readonly code: number;
  readonly reason: string;
}

/** All that comes before the socket is closed. */
async function whole(protocols: readonly string[], headers: Record<string, string> = {}): Promise<Came> {
  const socket = new WebSocket(w.url('/'), [...protocols], { headers });
  let messages = 0;
  socket.on('message', () => messages++);
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { protocol: socket.protocol, messages, code, reason: String(reason) };
}

/** The answer to a handshake that is no 101. */
async function refused(protocols: string | null): Promise<readonly [number | undefined, string]> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...(protocols === null ? {} : { 'Sec-WebSocket-Protocol': protocols }),
  };
  const sent = request({ port: w.port, headers });
  return new Promise((resolve, reject) => {
    sent.on('response', (response) => {
      response.resume();
      resolve([response.statusCode, String(response.statusMessage)]);
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve([response.statusCode, 'upgraded']);
    });
    sent.on('error', reject);
    sent.end();
  });
}

const bearer = (token: string): string => `bearer.${Buffer.from(token, 'latin1').toString('base64url')}`;

/** Whom the server takes it for, the first frame being the proof that they are in. */
async function welcomed(protocols: readonly string[], headers: Record<string, string> = {}): Promise<string> {
  const socket = new WebSocket(w.url('/'), [...protocols], { headers });
  const [data] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(String(data))).toMatchObject({ type: 'welcome' });
  expect(socket.protocol).toBe('rowcast.1');
  socket.close();
  await once(socket, 'close');
  return asked.at(-1)?.headers.get('authorization') ?? '';
}

test('a client of rowcast.1 that nobody knows is let in to be closed with 4100, and is told nothing else', async () => {
  expect(await whole(['rowcast.1'])).toEqual({ protocol: 'rowcast.1', messages: 0, code: 4100, reason: 'not signed in' });
});

test('on the seed’s wire it is 401, as it was', async () => {
  expect(await refused(null)).toEqual([401, 'Unauthorized']);
});

test('who is sent away holds no seat', async () => {
  for (let times = 0; times < 3; times++) await whole(['rowcast.1']);
  expect(await welcomed(['rowcast.1', bearer('ann')])).toBe('Bearer ann');
});

test('who does not leave when sent away is cut', async () => {
  const sent = request({
    port: w.port,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': 'rowcast.1',
    },
  }).end();
  const [, socket, head] = (await once(sent, 'upgrade')) as [unknown, import('node:net').Socket, Buffer];
  const bytes: Buffer[] = [head];
  socket.on('data', (data: Buffer) => bytes.push(data));
  await once(socket, 'close'); // nothing was ever said to it
  expect(Buffer.concat(bytes).readUInt16BE(2)).toBe(4100);
});

test('a token among the subprotocols is the Authorization of the request, and no protocol', async () => {
  expect(await welcomed(['rowcast.1', bearer('a.b-c_d~e+f/g=')])).toBe('Bearer a.b-c_d~e+f/g=');
  expect(await welcomed([bearer('first'), 'rowcast.1'])).toBe('Bearer first');
});

test('an Authorization of its own stays', async () => {
  expect(await welcomed(['rowcast.1', bearer('of the protocol')], { authorization: 'Bearer of-the-header' })).toBe('Bearer of-the-header');
});

test.each(['one\r\nX-Admin: yes', 'a\nb', 'nul\0'])('a token that no header holds comes to nothing: %j', async (token) => {
  const before = asked.length;
  expect(await refused(`rowcast.1, ${bearer(token)}`)).toEqual([400, 'Bad Request']);
  expect(asked.length).toBe(before);
});

test('a token alone asks for no protocol of ours', async () => {
  expect(await refused(bearer('ann'))).toEqual([400, 'Bad Request']);
});
