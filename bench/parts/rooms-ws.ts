import type { WebSocket } from 'ws';
import { numberOf, wsServer } from './reference-server.ts';
import { serveRooms } from './rooms-reference.ts';

// What one writes first: for each message, a loop over the `ws` sockets of its room.

const sockets: WebSocket[] = [];

serveRooms({
  listen: () =>
    wsServer((socket, request) => {
      sockets[numberOf(request)] = socket;
      socket.send('{}');
    }),
  tell(text, clients) {
    for (const client of clients) sockets[client]?.send(text);
  },
});
