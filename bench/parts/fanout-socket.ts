import type { Socket } from 'node:net';
import { answer } from '../process.ts';
import { bareServer, textOf } from './reference-server.ts';

// The floor: a frame made once and written to bare sockets, no WebSocket library, no features.

const sockets: Socket[] = [];
let value = 0;

function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const header = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([header, body]);
}

answer({
  listen: () =>
    bareServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write(frame('{}'));
    }),
  async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
    for (let tick = 0; tick < ticks; tick++) {
      for (let n = 0; n < each; n++) {
        const made = frame(textOf(++value, bytes));
        for (const socket of sockets) socket.write(made);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
});
