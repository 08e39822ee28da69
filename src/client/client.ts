import { events } from './events.ts';
import { Keeping, type KeepOptions } from './keeping.ts';
import type { Link } from './link.ts';
import { absolute, webSocket, type Fallback, type SocketFactory, type SocketLike, type WebSocketConstructor } from './socket.ts';
import type { AnyApp, AppTypes, Client } from './types.ts';
import { WholeClient, type WholeOptions } from './whole.ts';

export interface ClientOptions extends WholeOptions {
  /** The WebSocket to use where there is no global one: `ws`'s, on Node before 22. */
  readonly webSocket?: WebSocketConstructor;
  /** What outlives the page: writes without an answer, and rows. Left out: nothing does. */
  readonly keep?: KeepOptions;
  /** What takes over where WebSockets are blocked. Default: Server-Sent Events, which `live.handle` answers; null: nothing. */
  readonly fallback?: Fallback | null;
  /** In place of all that: where to get a socket from. The URL is not used then. */
  readonly socket?: SocketFactory | (() => SocketLike);
}

/**
 * Connects to an endpoint, and stays connected. `App` is the endpoint's type: a stream it does not offer, a field it does not give or does
 * not take do not compile.
 *
 * @param url absolute (`ws`, `wss`, `http`, `https`), or relative to the page. Its query is yours: the endpoint's functions see it.
 * @throws {TypeError} when the URL is none; the message says what to do.
 * @example
 * ```ts
 * import type { app } from './server.ts'
 * const client = createClient<typeof app>('/binding/')
 * const intval = client.stream('intval')
 * intval.on('commit', () => show(intval.rows))
 * ```
 */
export function createClient<App extends AppTypes = AnyApp>(url: string, options: ClientOptions = {}): Client<App> {
  const { fallback = events, keep, snapshot } = options;
  const sockets = (): SocketFactory => options.socket ?? webSocket(url, options.webSocket, fallback ?? undefined);
  let made = snapshot ? undefined : sockets();
  // A server renders from rows and asks for nothing: to it the URL may be relative to a page that is not there.
  const socket: SocketFactory = (token, answered) => (made ??= sockets())(token, answered);
  const keeping =
    keep && (({ name, clock }: Link) => new Keeping(keep, { endpoint: options.socket ? url : absolute(url), client: name, clock }));
  return new WholeClient({ socket, keeping }, options) as unknown as Client<App>;
}
