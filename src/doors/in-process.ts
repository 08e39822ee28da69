import type { Server, OpenEndpoint } from '../server/index.ts';
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

export interface InProcessArrival {
  readonly endpoint: OpenEndpoint;
  readonly user: unknown;
  readonly principal: string;
  readonly groups: readonly string[];
}

const wire = rowcast1(plain);

/** A door without a network: the same session, the same checks, in this process. */
export function inProcess(server: Server, { endpoint, user, principal, groups }: InProcessArrival): InProcessSocket {
  const socket: InProcessSocket = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => undefined };
  const connecting = { params: {}, query: new URLSearchParams(), request: new Request('http://in-process/') };
  let open = true;
  // Each in a turn of its own, as a network would: what a handler does is never inside what made it run.
  const later = (work: () => void): void => queueMicrotask(work);
  const end = (code: number, reason: string): void => {
    if (!open) return;
    open = false;
    later(() => socket.onclose?.({ code, reason }));
    void server.disconnect(session, code);
  };
  const session = server.connect({ endpoint, user, principal, connecting }, groups, {
    wire,
    transport: {
      write: (texts) => texts.forEach((data) => later(() => open && socket.onmessage?.({ data }))),
      buffered: () => 0,
      pause: () => undefined,
      resume: () => undefined,
      close: end,
    },
  });
  socket.send = (text) => session.receive(text);
  socket.close = (code = 1000, reason = '') => end(code, reason);
  later(() => socket.onopen?.());
  return socket;
}
