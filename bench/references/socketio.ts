import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { textOf } from '../parts/reference-server.ts';
import { turn } from '../parts/turns.ts';
import { answer } from '../process.ts';

// One room with everybody in it, over WebSockets only and uncompressed: the fastest that its documentation has without another engine.

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false });
io.on('connection', (socket) => void socket.join('hot'));
let value = 0;

answer({
  listen: () => new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve((http.address() as AddressInfo).port))),
  async run({ ticks, each, bytes }: { ticks: number; each: number; bytes: number }) {
    for (let tick = 0; tick < ticks; tick++) {
      for (let n = 0; n < each; n++) {
        // The same text comes out that the others send.
        const change: unknown = JSON.parse(textOf(++value, bytes));
        io.to('hot').emit('commit', change);
      }
      await turn();
    }
    return ticks * each * io.engine.clientsCount;
  },
});
