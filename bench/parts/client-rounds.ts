import { createClient } from 'rowcast/client';
import { WebSocket } from 'ws';
import { rounds } from '../load/rounds.ts';
import { answer } from '../process.ts';

// Node's own WebSocket leaves Nagle's algorithm on: the second of two small frames waits 40 ms for an acknowledgement.
let client: ReturnType<typeof createClient>;

answer({
  open: ({ port }: { port: number }) =>
    void (client = createClient(`ws://127.0.0.1:${port}/binding/`, { linger: 0, webSocket: WebSocket })),
  rounds: ({ count }: { count: number }) => rounds(client, count),
});
