import { RowcastClient, type CoreOptions } from './rowcast-client.ts';
import { webSocket, type SocketFactory, type WebSocketConstructor } from './socket.ts';
import type { AnyApp, AppTypes, Client } from './types.ts';

export interface CoreClientOptions extends CoreOptions {
  /** The WebSocket to use where there is no global one: `ws`'s, on Node before 22. */
  readonly webSocket?: WebSocketConstructor;
  /** In place of a WebSocket: where to get a socket from. The URL is not used then. */
  readonly socket?: SocketFactory;
}

/**
 * The client without what not every page wants: writes show when the server has told them, there is nothing in place of a WebSocket that is blocked, and
 * nothing outlives the page. All else is that of `rowcast/client`.
 *
 * @throws {TypeError} when the URL is none, or there is no WebSocket; the message says what to do.
 * @example
 * ```ts
 * import { createClient } from 'rowcast/client/core'
 * const client = createClient<typeof app>('/binding/')
 * ```
 */
export function createClient<App extends AppTypes = AnyApp>(url: string, options: CoreClientOptions = {}): Client<App> {
  return new RowcastClient({ socket: options.socket ?? webSocket(url, options.webSocket) }, options) as unknown as Client<App>;
}
