import type { IncomingMessage } from 'node:http';
import type { Connecting, OpenEndpoint, Server } from '../server/index.ts';
import { within } from '../server/index.ts';

/** Somebody who may come in, or the HTTP status that says why not. */
export type Handshake =
  | {
      readonly ok: true;
      readonly endpoint: OpenEndpoint;
      readonly user: unknown;
      readonly principal: string | null;
      readonly connecting: Connecting;
      readonly groups: readonly string[];
    }
  | { readonly ok: false; readonly status: 400 | 401 | 403 | 500 | 503; readonly message: string };

/** The path as it was sent: compared as it is, so that no other spelling of it (`//`, `%2F`, `/./`) reaches an endpoint. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] as string;
}

/** Decides on a connection before anything is upgraded: where from, who, and the groups they start in. */
export async function handshake(server: Server, request: IncomingMessage): Promise<Handshake | null> {
  const found = server.at(pathOf(request));
  if (!found) return null;
  const { endpoint, params } = found;
  const { options, limits } = endpoint;
  const asked = webRequest(request);
  if (!asked) return { ok: false, status: 400, message: 'not a request' };
  if (!fromAllowedOrigin(request, options.origins ?? [])) return { ok: false, status: 403, message: 'this origin may not connect' };
  const connecting = { params, query: new URL(asked.url).searchParams, request: asked };
  try {
    const user = options.authenticate ? await within(server.clock, limits.hookMs, options.authenticate(asked)) : null;
    if (options.authenticate && (user === null || user === undefined)) return { ok: false, status: 401, message: 'not signed in' };
    const groups = (await within(server.clock, limits.hookMs, options.connectionGroups?.(user, connecting) ?? [])).filter(Boolean);
    return { ok: true, endpoint, user, principal: principalOf(user), connecting, groups };
  } catch (error) {
    server.log.error({ err: error, path: endpoint.path }, 'authenticate or connectionGroups failed: refused');
    return { ok: false, status: 500, message: 'the server could not let you in' };
  }
}

/** A user's id makes their connections one person; without one, each client is its own. */
export function principalOf(user: unknown): string | null {
  const id = typeof user === 'object' && user !== null ? (user as { readonly id?: unknown }).id : undefined;
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? `user:${id}` : null;
}

function webRequest(request: IncomingMessage): Request | null {
  try {
    const encrypted = (request.socket as { readonly encrypted?: boolean }).encrypted === true;
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) headers.append(name, each);
    }
    return new Request(`${encrypted ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}${request.url}`, { headers });
  } catch {
    return null;
  }
}

/**
 * Against a foreign page that opens a socket with this visitor's cookies (OWASP: cross-site WebSocket hijacking). A request without Origin
 * comes from no browser: it may come in, unless it carries a cookie.
 */
function fromAllowedOrigin({ headers }: IncomingMessage, origins: readonly string[] | 'any'): boolean {
  if (origins === 'any') return true;
  const { origin, host, cookie } = headers;
  if (origin === undefined) return cookie === undefined;
  if (origins.includes(origin)) return true;
  try {
    const { protocol, host: from } = new URL(origin);
    return (protocol === 'http:' || protocol === 'https:') && from === host?.toLowerCase() && origin === `${protocol}//${from}`;
  } catch {
    return false;
  }
}
