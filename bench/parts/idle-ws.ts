import { resting } from '../load/resting.ts';
import { answer } from '../process.ts';
import { wsServer } from './reference-server.ts';

// `ws` and nothing else: what it, the socket and the HTTP server before it take for a connection.

answer({
  listen: () => wsServer((socket) => socket.send('{}')),
  memory: resting,
});
