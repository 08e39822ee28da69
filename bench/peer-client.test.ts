import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { DIALECTS, type DialectName } from './load/dialects.ts';
import { PeerClient, valueOf } from './load/peer-client.ts';

function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const header = body.length < 126 ? [0x81, body.length] : [0x81, 126, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from(header), body]);
}

/** What a server says until a client has its rows, and how it tells of a change. */
interface Speech {
  readonly before: readonly string[];
  readonly change: (value: number) => string;
}

const row = (value: number): string => `{"id":1,"value":${value},"body":"${'b'.repeat(200)}"}`;

const SPEECH: Readonly<Record<DialectName, Speech>> = {
  rowcast: {
    before: ['{"type":"welcome"}', `{"type":"rows","view":1,"rows":[[1,${row(6)}]]}`, '{"type":"ready","view":1}'],
    change: (value) => `{"type":"commit","position":"0","changes":[[1,"update",1,${row(value)}]]}`,
  },
  'socket.io': { before: ['0{"sid":"x"}', '40{"sid":"y"}'], change: (value) => `42["hot patched",${row(value)}]` },
  bare: { before: ['{}'], change: row },
  zero: {
    before: [
      '["connected",{"wsid":"w1"}]',
      `["pokePart",{"gotQueriesPatch":[{"op":"put","hash":"hot"}],"rowsPatch":[{"op":"put","tableName":"hot","value":${row(6)}}]}]`,
    ],
    change: (value) => `["pokePart",{"rowsPatch":[{"op":"put","tableName":"hot","value":${row(value)}}]}]`,
  },
};

const names = Object.keys(SPEECH) as DialectName[];

test.each(names)('a client of %s has its rows before any change, and each change once, however its bytes are cut', async (name) => {
  const { before, change } = SPEECH[name];
  const bytes = Buffer.concat([...before, change(7), change(8), change(9)].map(frame));
  const server = createServer((socket) => {
    socket.once('data', () => void speak(socket, bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const seen: number[] = [];
  const all = Promise.withResolvers<void>();
  const client = new PeerClient(DIALECTS[name], (data, begin) => {
    if (seen.push(valueOf(data, begin)) === 3) all.resolve();
  });
  await client.open((server.address() as AddressInfo).port, 1);
  await all.promise;
  expect(seen).toEqual([7, 8, 9]);
  client.leave();
  await new Promise((resolve) => server.close(resolve));
});

async function speak(socket: Socket, bytes: Buffer): Promise<void> {
  socket.setNoDelay(true);
  socket.on('error', () => undefined); // the client has left
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
  for (let at = 0; at < bytes.length; at += 97) {
    await new Promise((resolve) => socket.write(bytes.subarray(at, at + 97), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
