import type { Socket } from 'node:net';
import { bareServer, frame, numberOf } from './reference-server.ts';
import { serveRooms } from './rooms-reference.ts';

// The floor of gathering: frames made once, a list of them per bare socket, and at the end of the turn one write of what the list has.

const sockets: Socket[] = [];
const lists: Buffer[][] = [];

serveRooms({
  listen: () =>
    bareServer((socket, request) => {
      const client = numberOf(request);
      sockets[client] = socket;
      lists[client] = [];
      socket.on('error', () => undefined);
      socket.write(frame('{}'));
    }),
  tell(text, clients) {
    const made = frame(text);
    for (const client of clients) lists[client]?.push(made);
  },
  flush() {
    for (const [client, list] of lists.entries()) {
      if (list.length === 0) continue;
      sockets[client]?.write(list.length === 1 ? (list[0] as Buffer) : Buffer.concat(list));
      list.length = 0;
    }
  },
});
