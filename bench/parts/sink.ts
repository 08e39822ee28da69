import { connect, type Socket } from 'node:net';
import { answer } from '../process.ts';

// Many WebSocket clients that only count: their cost must not be what is measured.

interface Client {
  readonly socket: Socket;
  frames: number;
  /** Bytes of the running frame that are still to come. */
  skip: number;
  /** The running frame is no message: a ping, which is answered. */
  control: boolean;
  header: Buffer;
  open: boolean;
}

const clients: Client[] = [];
let total = 0;
let wanted = 0;
let reached: (() => void) | null = null;
let noting = false;
let firsts: string[] = [];
let lasts: string[] = [];
let counts: number[] = [];

const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

function count(client: Client): void {
  if (client.control) {
    client.socket.write(PONG);
    return;
  }
  client.frames++;
  total++;
  if (noting) note(client.frames - 1);
  if (total >= wanted) reached?.();
}

function note(index: number): void {
  const seen = (counts[index] = (counts[index] ?? 0) + 1);
  if (seen === 1) firsts[index] = process.hrtime.bigint().toString();
  if (seen === clients.length) lasts[index] = process.hrtime.bigint().toString();
}

function take(client: Client, chunk: Buffer): void {
  let data = chunk;
  if (!client.open) {
    client.header = Buffer.concat([client.header, data]);
    const end = client.header.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!client.header.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) throw new Error(client.header.toString());
    client.open = true;
    data = client.header.subarray(end + 4);
    client.header = Buffer.alloc(0);
  }
  if (client.header.length > 0) {
    data = Buffer.concat([client.header, data]);
    client.header = Buffer.alloc(0);
  }
  let at = 0;
  while (at < data.length) {
    if (client.skip > 0) {
      const step = Math.min(client.skip, data.length - at);
      client.skip -= step;
      at += step;
      if (client.skip === 0) count(client);
      continue;
    }
    const short = (data[at + 1] ?? 0) & 0x7f;
    const size = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + size > data.length) {
      client.header = Buffer.from(data.subarray(at));
      return;
    }
    client.control = ((data[at] ?? 0) & 0x08) !== 0;
    client.skip = short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
    at += size;
    if (client.skip === 0) count(client);
  }
}

function until(frames: number): Promise<void> {
  wanted = frames;
  if (total >= wanted) return Promise.resolve();
  return new Promise((resolve) => {
    reached = () => {
      reached = null;
      resolve();
    };
  });
}

answer({
  async open({ port, path, protocol, sockets }: { port: number; path: string; protocol: string; sockets: number }) {
    for (let made = 0; made < sockets; made += 100) {
      await Promise.all(
        Array.from({ length: Math.min(100, sockets - made) }, () => {
          const socket = connect(port, '127.0.0.1');
          const client: Client = { socket, frames: 0, skip: 0, control: false, header: Buffer.alloc(0), open: false };
          clients.push(client);
          socket.setNoDelay(true);
          socket.on('error', (error) => console.error('sink', error.message));
          socket.on('data', (chunk: Buffer) => take(client, chunk));
          const asked = protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : '';
          socket.write(
            `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${asked}\r\n`,
          );
          return new Promise<void>((resolve) => socket.once('data', () => resolve()));
        }),
      );
    }
    await until(sockets); // each is greeted with one frame
    total = 0;
    for (const client of clients) client.frames = 0;
  },
  /** Resolves once every client has had this many frames since the last call; throws when some had more than others. */
  async frames({ each }: { each: number }) {
    await until(each * clients.length);
    const odd = clients.find((client) => client.frames !== each);
    if (odd) throw new Error(`a client had ${odd.frames} frames, not ${each}`);
    total = 0;
    for (const client of clients) client.frames = 0;
  },
  note() {
    noting = true;
    firsts = [];
    lasts = [];
    counts = [];
  },
  /** When the nth frame reached its first and its last client, in nanoseconds of the machine's clock. */
  noted: () => ({ firsts, lasts }),
});
