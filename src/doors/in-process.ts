import type { Arrival, Server } from '../server/index.ts';
import { plain } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';

/** What a client needs of a socket: the part of a browser's `WebSocket` it uses. */
export interface InProcessSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: string }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

const wire = rowcast1(plain);

/** A door without a network: the same session, the same checks, in this process. */
export function inProcess(server: Server, who: Omit<Arrival, 'connecting'>): InProcessSocket {
  const connecting = { params: {}, query: new URLSearchParams(), request: new Request('http://in-process/') };
  let left = false;
  const session = server.connect(
    { ...who, connecting },
    {
      wire,
      transport: {
        write(texts) {
          for (const data of texts) later(() => left || socket.onmessage?.({ data }));
          return 0;
        },
        waiting: () => 0,
        pause: () => undefined,
        resume: () => undefined,
        close: (code, reason) => later(() => end(code, reason)),
      },
    },
  );
  const end = (code: number, reason: string): void => {
    if (left) return;
    left = true;
    void server.disconnect(session, code);
    socket.onclose?.({ code, reason });
  };
  const socket: InProcessSocket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => session.receive(text),
    close: (code = 1000, reason = '') => later(() => end(code, reason)),
  };
  later(() => socket.onopen?.());
  return socket;
}

/** In a turn of its own, as a network would: what a handler does is never inside what made it run. */
const later = (work: () => void): void => queueMicrotask(work);
