import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindingFor } from '../../src/main/index.ts';
import { models } from '../support/databases.ts';
import { world, type World } from '../support/world.ts';

// What no client of RFC 6455 sends, byte by byte: the connection ends, with the right code where there is a way to say one, and nobody else notices.

const intval = bindingFor<null>()(models.integerValue, { fields: ['name'], groupNames: () => ['all'] });
let w: World<{ intval: typeof intval }>;

beforeAll(async () => {
  w = await world({ bindings: { intval } });
  w.live.endpoint('/', { limits: { frameBytes: 4_096 } });
});
afterAll(() => w[Symbol.asyncDispose]());

interface Frame {
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number;
  readonly opcode: number;
  readonly masked?: boolean;
  readonly body?: Buffer;
  /** The length it says, where that is not its body's. */
  readonly says?: number | bigint;
}

function bytesOf({ fin = true, rsv = 0, opcode, masked = true, body = Buffer.alloc(0), says = body.length }: Frame): Buffer {
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  const long = Buffer.alloc(8);
  const length = Number(says);
  let head: Buffer;
  if (length < 126) head = Buffer.from([first, bit | length]);
  else if (length < 65_536) {
    long.writeUInt16BE(length);
    head = Buffer.concat([Buffer.from([first, bit | 126]), long.subarray(0, 2)]);
  } else {
    long.writeBigUInt64BE(BigInt(says));
    head = Buffer.concat([Buffer.from([first, bit | 127]), long]);
  }
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, body.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const closing = (code: number, reason = ''): Buffer => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
};

interface Bad {
  readonly name: string;
  readonly frames: readonly Frame[];
  /** Codes that it may be closed with. */
  readonly codes: readonly number[];
}
const bad = (name: string, frames: readonly Frame[], ...codes: number[]): Bad => ({
  name,
  frames,
  codes: codes.length > 0 ? codes : [1002],
});

const NOT_UTF8 = [
  '80',
  'bf',
  'c0af',
  'c1bf',
  'e080af',
  'e09fbf',
  'eda080',
  'edbfbf',
  'f08080af',
  'f08fbfbf',
  'f4908080',
  'f5808080',
  'f888808080',
  'fc8480808080',
  'fe',
  'ff',
  'c3',
  'e282',
  'f09f90',
  '61ff62',
  'c328',
  'e28228',
];

const BAD: readonly Bad[] = [
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
    [true, false].map((fin) => bad(`opcode ${opcode}, ${fin ? 'whole' : 'first part'}`, [{ opcode, fin }])),
  ),
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) => [TEXT, BINARY, PING, CLOSE].map((opcode) => bad(`reserved bits ${rsv} on opcode ${opcode}`, [{ opcode, rsv, body: Buffer.from(opcode === CLOSE ? closing(1000) : 'x') }]))),
  ...[0, TEXT, BINARY, CLOSE, PING, PONG].map((opcode) => bad(`opcode ${opcode} without a mask`, [{ opcode, masked: false, body: Buffer.from('{}') }])),
  ...[CLOSE, PING, PONG].flatMap((opcode) => [126, 127, 4_000, 70_000].map((size) => bad(`opcode ${opcode} of ${size} bytes`, [{ opcode, body: Buffer.alloc(size, 97) }]))),
  ...[CLOSE, PING, PONG].map((opcode) => bad(`opcode ${opcode} in parts`, [{ opcode, fin: false }])),
  ...[true, false].map((fin) => bad(`a part of nothing, ${fin ? 'the last' : 'not the last'}`, [{ opcode: 0, fin, body: Buffer.from('x') }])),
  ...[TEXT, BINARY].map((opcode) => bad(`opcode ${opcode} in the middle of a text`, [{ opcode: TEXT, fin: false, body: Buffer.from('{') }, { opcode, body: Buffer.from('}') }])),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => bad(`closed with ${code}`, [{ opcode: CLOSE, body: closing(code) }])),
  bad('closed with half a code', [{ opcode: CLOSE, body: Buffer.from([3]) }]),
  ...NOT_UTF8.map((hex) => bad(`a text that is not UTF-8: ${hex}`, [{ opcode: TEXT, body: Buffer.from(hex, 'hex') }], 1007)),
  ...NOT_UTF8.slice(0, 6).map((hex) => bad(`a text in parts that is not UTF-8: ${hex}`, [{ opcode: TEXT, fin: false, body: Buffer.from('"') }, { opcode: 0, body: Buffer.from(hex, 'hex') }], 1007)),
  ...NOT_UTF8.slice(0, 6).map((hex) => bad(`a reason that is not UTF-8: ${hex}`, [{ opcode: CLOSE, body: Buffer.concat([closing(1000), Buffer.from(hex, 'hex')]) }], 1007)),
  ...[4_097, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 48].map((says) => bad(`a text that says it has ${says} bytes`, [{ opcode: TEXT, says }], 1009, 4001)),
  ...[2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n].map((says) => bad(`a text that says it has ${says} bytes`, [{ opcode: TEXT, says }], 1009, 1002, 4001)),
  bad('parts that are too much together', Array.from({ length: 5 }, (_, at) => ({ opcode: at === 0 ? TEXT : 0, fin: false, body: Buffer.alloc(1_000, 97) })), 1009, 4001),
  bad('parts of a byte without an end', Array.from({ length: 5_000 }, (_, at) => ({ opcode: at === 0 ? TEXT : 0, fin: false, body: Buffer.from('a') })), 1009, 4001, 1008),
  bad('a bomb that nobody agreed to unpack', [{ opcode: TEXT, rsv: 4, body: deflateRawSync(Buffer.alloc(3_000_000, 97)) }]),
]; // prettier-ignore

/** Opens a socket by hand. */
async function opened(): Promise<Socket> {
  const socket = connect(w.port, '127.0.0.1');
  socket.on('error', () => undefined); // it may be cut while we write
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: rowcast.1\r\n` +
      'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
  expect(String(head)).not.toMatch(/permessage-deflate/); // nobody agreed to it
  return socket;
}

/** The code of the close frame that ends what came; null: it was cut. */
function codeOf(came: Buffer): number | null {
  for (let at = 0; at + 1 < came.length;) {
    const [first, second] = [came[at] as number, came[at + 1] as number];
    const length = second < 126 ? second : second === 126 ? came.readUInt16BE(at + 2) : Number(came.readBigUInt64BE(at + 2));
    const start = at + 2 + (second < 126 ? 0 : second === 126 ? 2 : 8);
    if ((first & 15) === CLOSE) return came.readUInt16BE(start);
    at = start + length;
  }
  return null;
}

test.each(BAD)('$name', async ({ frames, codes }) => {
  const socket = await opened();
  const came: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => came.push(bytes));
  const ended = once(socket, 'end');
  socket.write(Buffer.concat(frames.map(bytesOf)));
  await Promise.race([ended, once(socket, 'close')]);
  socket.destroy();
  const code = codeOf(Buffer.concat(came));
  expect(codes).toContain(code);
});

test('there are 120 of them, nobody else noticed, and no memory was kept for what was only announced', async () => {
  expect(BAD.length).toBeGreaterThanOrEqual(120);
  const before = process.memoryUsage().rss;
  const many = await Promise.all(Array.from({ length: 20 }, opened));
  for (const socket of many) socket.write(bytesOf({ opcode: TEXT, says: 2 ** 40 }));
  await Promise.all(many.map((socket) => Promise.race([once(socket, 'end'), once(socket, 'close')])));
  for (const socket of many) socket.destroy();
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  const viewer = await w.viewer('/');
  await viewer.caughtUp();
  await viewer.close();
  expect(w.notes.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
