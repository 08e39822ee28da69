import { SUBPROTOCOL } from '../protocol/index.ts';

/** A handler that takes the event it is given or more of it: declared as a method, so that a browser's WebSocket, `ws` and a plain object all fit. */
type Handler<E> = { on(event: E): void }['on'] | null;

/**
 * What a connection needs of a socket: the part of WebSocket that it uses. `on*` are assigned by the client right after it got the socket,
 * so a socket calls none of them before it has returned to the event loop; `onclose` comes once, and nothing after it.
 * `close` may be called at any time, and again; a factory of sockets does not throw: a socket that cannot be had closes.
 */
export interface SocketLike {
  onopen: Handler<unknown>;
  onmessage: Handler<{ readonly data: unknown }>;
  onclose: Handler<{ readonly code: number; readonly reason: string }>;
  onerror?: Handler<unknown>;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocol: string) => SocketLike;

/**
 * @throws {TypeError} for a relative URL where there is no page to be relative to, and where there is no WebSocket.
 */
export function webSocket(url: string, given?: WebSocketConstructor): () => SocketLike {
  const { WebSocket, location } = globalThis as { WebSocket?: WebSocketConstructor; location?: { href: string } };
  const Socket = given ?? WebSocket;
  if (!Socket)
    throw new TypeError("there is no WebSocket here: npm install ws, then createClient(url, { webSocket }), webSocket being ws's own");
  if (!URL.canParse(url, location?.href))
    throw new TypeError(`"${url}" is no URL here: outside of a page, write all of it (ws://host/path)`);
  const absolute = new URL(url, location?.href);
  absolute.protocol = absolute.protocol.replace('http', 'ws');
  return () => new Socket(absolute.href, SUBPROTOCOL);
}
