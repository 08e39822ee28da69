import type { Socket } from 'node:net';
import { answer } from '../process.ts';
import { bareServer, frame, textOf } from './reference-server.ts';
import { turn } from './turns.ts';

// The floor: a frame made once and written to bare sockets, no WebSocket library, no features.

const sockets: Socket[] = [];
let value = 0;

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
      await turn();
    }
    return ticks * each * sockets.length;
  },
});
