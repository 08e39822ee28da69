import { SUBPROTOCOL, toWire } from '../protocol/index.ts';

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

/**
 * Where a connection gets its next socket from. `token`: what the client's `token` gave for it, where there is such a function. `answered`:
 * whether anything was heard on the last one; null: there was none, or it was given up or there was no network before one could know.
 */
export type SocketFactory = (token: string | undefined, answered: boolean | null) => SocketLike;

/**
 * Gives the credentials for the next socket: asked again before each one. `null` and `''`: nobody is signed in. One that throws could not be
 * asked now (a token is often fetched, and there may be no network), and is asked again after a delay.
 */
export type TokenSupplier = () => string | null | Promise<string | null>;

/** What there is where WebSockets are blocked, by the endpoint's URL; `first`: WebSockets, where there are any. */
export type Fallback = (url: string, first: SocketFactory | null) => SocketFactory;

export type WebSocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/**
 * @throws {TypeError} for a relative URL where there is no page to be relative to, and where there is neither a WebSocket nor a fallback.
 */
export function webSocket(url: string, given?: WebSocketConstructor, fallback?: Fallback): SocketFactory {
  const Socket = given ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  const href = absolute(url);
  const first: SocketFactory | null = Socket
    ? (token) =>
        // The one thing a page can choose about the handshake is the subprotocols: so the token is one of them.
        new Socket(href.replace('http', 'ws'), [SUBPROTOCOL, ...(token === undefined ? [] : [`bearer.${base64url(token)}`])])
    : null;
  const factory = fallback?.(href, first) ?? first;
  if (!factory) throw new TypeError('no WebSocket: npm install ws, and pass it as options.webSocket');
  return factory;
}

/** With `http:` or `https:`. */
export function absolute(url: string): string {
  const { location } = globalThis as { location?: { href: string } };
  try {
    return new URL(url, location?.href).href.replace(/^ws/, 'http');
  } catch {
    throw new TypeError(`"${url}" is no URL: write all of it (ws://host/path)`);
  }
}

function base64url(text: string): string {
  const base64 = toWire(new TextEncoder().encode(text)) as string;
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
