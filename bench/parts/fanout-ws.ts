import type { WebSocket } from 'ws';
import { answer } from '../process.ts';
import { textOf, wsServer } from './reference-server.ts';
import { turn } from './turns.ts';

// What one writes first: a loop over `ws` sockets with `send(string)`.

const sockets: WebSocket[] = [];
let value = 0;

answer({
  listen: () =>
    wsServer((socket) => {
      sockets.push(socket);
      socket.send('{}');
    }),
  async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
    for (let tick = 0; tick < ticks; tick++) {
      for (let n = 0; n < each; n++) {
        const text = textOf(++value, bytes);
        for (const socket of sockets) socket.send(text);
      }
      await turn();
    }
    return ticks * each * sockets.length;
  },
});
