import type { IncomingMessage } from 'node:http';
import { SUBPROTOCOL } from '../protocol/index.ts';
import type { Admission, Found, Server } from '../server/index.ts';

/** The path as it was sent: compared as it is, so that no other spelling of it (`//`, `%2F`, `/./`) reaches an endpoint. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] as string;
}

/**
 * Decides on a stream of events, or on what is posted for one. A page's own `GET` carries no Origin: there the browser says so another way, over
 * TLS; without it, the header does that a foreign page may set only after it has asked, and then with its Origin. Nor does a foreign page's that
 * gives up reading the answer, which may come with credentials that are no cookie.
 */
export async function admitted(server: Server, found: Found, request: IncomingMessage): Promise<Admission> {
  const asked = webRequest(request);
  if (!asked) return { ok: false, status: 400, message: 'not a request' };
  const { origin, 'sec-fetch-site': site, 'rowcast-session': session } = request.headers;
  const { origins = [] } = found.endpoint.options;
  const own = origin === undefined && (site === 'same-origin' || (site === undefined && session !== undefined));
  const foreign = origin === undefined && (site === 'cross-site' || site === 'same-site') && origins !== 'any';
  if (foreign || (!own && !fromAllowedOrigin(request, origins))) return { ok: false, status: 403, message: 'this origin may not connect' };
  return server.admit(found, asked);
}

/** Decides on a connection before anything is upgraded: where from, who, and the groups they start in. */
export async function handshake(server: Server, found: Found, request: IncomingMessage): Promise<Admission> {
  if (!mayChoose(request)) return { ok: false, status: 400, message: `ask for the subprotocol ${SUBPROTOCOL}, or for none` };
  const asked = webRequest(request);
  if (!asked) return { ok: false, status: 400, message: 'not a request' };
  if (!fromAllowedOrigin(request, found.endpoint.options.origins ?? []))
    return { ok: false, status: 403, message: 'this origin may not connect' };
  return server.admit(found, asked);
}

/** Without a subprotocol it is the seed's wire; with some, ours must be among them. */
function mayChoose(request: IncomingMessage): boolean {
  return request.headers['sec-websocket-protocol'] === undefined || asksForOurs(request);
}

export function asksForOurs(request: IncomingMessage): boolean {
  return protocolsOf(request).includes(SUBPROTOCOL);
}

function protocolsOf({ headers: { 'sec-websocket-protocol': asked = '' } }: IncomingMessage): readonly string[] {
  return asked.split(',').map((protocol) => protocol.trim());
}

const BEARER = 'bearer.';

/** The token that a page gives in the one header of a WebSocket that is its to set; null: there is none. */
function bearerOf(request: IncomingMessage): string | null {
  const given = protocolsOf(request).find((protocol) => protocol.startsWith(BEARER));
  return given === undefined ? null : Buffer.from(given.slice(BEARER.length), 'base64url').toString('latin1');
}

/** As `authenticate` gets it. Null: no request that can be spoken of, by its URL or by what a header would hold. */
function webRequest(request: IncomingMessage): Request | null {
  try {
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) headers.append(name, each);
    }
    const bearer = bearerOf(request);
    if (bearer !== null && !headers.has('authorization')) headers.set('authorization', `Bearer ${bearer}`);
    return new Request(`${isEncrypted(request) ? 'https' : 'http'}://${request.headers.host ?? 'localhost'}${request.url}`, { headers });
  } catch {
    return null;
  }
}

/**
 * Against a foreign page that opens a socket with this visitor's cookies (OWASP: cross-site WebSocket hijacking). A request without Origin
 * comes from no browser: it may come in, unless it carries a cookie.
 *
 * The host's own page must have come over TLS where the socket did: whoever is on the way can write into an http page, and the browser adds
 * the cookies of the https site. TLS often ends in front of us, and then a proxy's header says so, or the host's https origin on the list. A
 * header can only make it stricter, so that nothing is won by forging it; an https page on a plain socket has such a proxy before it.
 */
function fromAllowedOrigin(request: IncomingMessage, origins: readonly string[] | 'any'): boolean {
  if (origins === 'any') return true;
  const { origin, host, cookie, 'x-forwarded-proto': forwarded } = request.headers;
  if (origin === undefined) return cookie === undefined;
  if (origins.includes(origin)) return true;
  try {
    const { protocol, host: from } = new URL(origin);
    if (from !== host?.toLowerCase() || origin !== `${protocol}//${from}`) return false;
    const secured = isEncrypted(request) || /^\s*(?:https|wss)\b/i.test(String(forwarded)) || origins.includes(`https://${from}`);
    return protocol === 'https:' || (protocol === 'http:' && !secured);
  } catch {
    return false;
  }
}

const isEncrypted = ({ socket }: IncomingMessage): boolean => (socket as { readonly encrypted?: boolean }).encrypted === true;
