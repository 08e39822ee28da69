import { toWire, type Params } from '../protocol/index.ts';
import { Link, type LinkOptions } from './link.ts';
import { webSocket, type SocketFactory, type WebSocketConstructor } from './socket.ts';
import { Stream } from './stream.ts';
import type { AnyApp, AppTypes, CoreClient } from './types.ts';

export interface CoreClientOptions extends LinkOptions {
  /** The WebSocket to use where there is no global one: `ws`'s, on Node before 22. */
  readonly webSocket?: WebSocketConstructor;
  /** In place of a WebSocket: where to get a socket from. The URL is not used then. */
  readonly socket?: SocketFactory;
}

/**
 * Rows and writes, and nothing else: writes show when the server has told them, one handle is one view, there is nothing in place of a WebSocket that is
 * blocked, and nothing outlives the page. What it does, it does as `rowcast/client` does.
 *
 * @throws {TypeError} when the URL is none, or there is no WebSocket; the message says what to do.
 * @example
 * ```ts
 * import { createClient } from 'rowcast/client/core'
 * const client = createClient<typeof app>('/binding/')
 * ```
 */
export function createClient<App extends AppTypes = AnyApp>(url: string, options: CoreClientOptions = {}): CoreClient<App> {
  const link = new Link({ socket: options.socket ?? webSocket(url, options.webSocket) }, options);
  const { connection, events, writes } = link;
  connection.begin();
  const client: CoreClient = {
    get status() {
      return link.status;
    },
    on: (event, handler) => events.on(event, handler),
    stream: (name, params) => new Stream(name, { link, params: [params && (toWire(params) as Params)] }) as never,
    batch: (work) => writes.batch(work) as never,
    call: (name, input) => writes.call(name, input) as never,
    reconnect: () => connection.happen('reconnect'),
    close: () => connection.happen('close'),
  };
  return client as never;
}
