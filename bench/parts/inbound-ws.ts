import type { RawData } from 'ws';
import { answer } from '../process.ts';
import { wsServer } from './reference-server.ts';

// The least that a server of JSON over `ws` does: parse what comes, and answer it.

let heard = 0;
let wanted = Infinity;
let done = (): void => undefined;

answer({
  listen: () =>
    wsServer((socket) => {
      socket.send('{"type":"welcome"}');
      socket.on('message', (data: RawData) => {
        const frame = JSON.parse(String(data)) as { readonly type: string; readonly id?: number; readonly pk?: number };
        if (frame.id !== undefined) socket.send(JSON.stringify({ type: 'result', id: frame.id, ok: true, pk: frame.pk }));
        else if (frame.type === 'message' && ++heard >= wanted) done();
      });
    }),
  async heard({ count }: { count: number }) {
    wanted = count;
    if (heard < count) await new Promise<void>((resolve) => (done = resolve));
    heard = 0;
    wanted = Infinity;
  },
});
