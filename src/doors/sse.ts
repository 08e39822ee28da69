import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Params } from '../protocol/index.ts';
import type { Arrival, Found, OpenEndpoint, Refusal, Server, Session, Transport } from '../server/index.ts';
import { admitted, pathOf } from './handshake.ts';
import { events } from './packing.ts';
import { rowcast1 } from './rowcast1.ts';

const WIRE = rowcast1(events);

/** Tokens of those who may come back, and how long they are kept for them. */
const KEPT = 10_000;
const KEPT_MS = 300_000;
/** An event that says nothing, by which a line that is cut is found out. */
const COMMENT = Buffer.from(':\n\n');
const COMMENT_MS = 20_000;
/** How long a response that was ended may take to be read. */
const GRACE = 5_000;

/** What `?subscribe=` asks for. */
interface Wanted {
  readonly stream: string;
  readonly params?: Params;
}

interface Open {
  readonly session: Session<Buffer>;
  readonly principal: string | null;
  readonly endpoint: OpenEndpoint;
  readonly response: ServerResponse;
}

interface Tokens {
  readonly at: number;
  readonly tokens: ReadonlyMap<string, string>;
}

/**
 * `rowcast.1` over plain HTTP, where WebSockets are blocked: frames down as Server-Sent Events, frames up by `POST`. The same session as behind
 * a WebSocket; only the bytes travel differently.
 */
export class EventDoor {
  readonly #server: Server;
  readonly #open = new Map<string, Open>();
  readonly #kept = new Map<string, Tokens>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** False: this request is no endpoint's, and nothing was done with it. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { method = 'GET', headers } = request;
    const streamed = method === 'GET' && (headers.accept ?? '').includes('text/event-stream');
    if (!streamed && method !== 'POST' && method !== 'OPTIONS') return false;
    const found = this.#server.at(pathOf(request));
    if (!found) return false;
    const answer =
      method === 'OPTIONS'
        ? preflight(found, request, response)
        : streamed
          ? this.#stream(found, request, response)
          : this.#post(found, request, response);
    answer.catch((error: unknown) => {
      this.#server.log.error({ err: error, path: found.endpoint.path }, 'a request for events failed');
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, message: 'the server could not answer' });
    });
    return true;
  }

  /** Ends every stream. Resolves when the last is gone. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#open.values()].map(
        ({ response }) =>
          new Promise<void>((resolve) => {
            response.once('close', () => resolve());
            const cut = this.#server.clock.after(GRACE, () => response.destroy());
            response.once('close', () => cut.cancel());
            response.end();
          }),
      ),
    );
  }

  async #stream(found: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { endpoint } = found;
    const asked = new URL(request.url ?? '/', 'http://x').searchParams;
    const wanted = wantedOf(asked.get('subscribe'));
    if (!wanted) return refuse(response, { status: 400, message: '?subscribe= is a JSON array of {"stream", "params"}' });
    if (this.#server.full(endpoint)) return refuse(response, FULL);
    const admission = await admitted(this.#server, found, request);
    if (response.destroyed) return;
    if (!admission.ok) return refuse(response, admission);
    if (this.#server.full(endpoint)) return refuse(response, FULL);
    this.#opened(admission.arrival, { request, response }, { wanted, client: asked.get('client') });
  }

  #opened(arrival: Arrival, { request, response }: Exchange, { wanted, client }: Asked): void {
    const { endpoint, principal } = arrival;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no', // nginx would hold events back
      ...allowed(endpoint, request),
    });
    response.flushHeaders();
    const session = this.#server.connect(arrival, { wire: WIRE, transport: new EventTransport(response) });
    this.#open.set(session.id, { session, principal, endpoint, response });
    const who = JSON.stringify([endpoint.path, principal, client]);
    const comment = this.#commenting(response);
    const age = this.#server.clock.after(endpoint.limits.ageSeconds * 1_000, () => session.end('aged', 'old: come back'));
    response.on('error', () => undefined); // `close` follows
    response.once('close', () => {
      comment.cancel();
      age.cancel();
      this.#open.delete(session.id);
      if (client !== null) this.#keep(who, session, wanted);
      void this.#server.disconnect(session, 1006);
    });
    this.#begin(session, { wanted, client }, { who, at: String(request.headers['last-event-id'] ?? '') });
  }

  /** What a plain `EventSource` cannot say itself. */
  #begin(session: Session<Buffer>, { wanted, client }: Asked, { who, at }: { readonly who: string; readonly at: string }): void {
    if (client !== null) session.receive(JSON.stringify({ type: 'hello', client }));
    const kept = this.#kept.get(who)?.tokens;
    this.#kept.delete(who);
    for (const [index, { stream, params }] of wanted.entries()) {
      // Where nobody has the token any more it is said to be none: the client is told so, and gets the rows.
      const from = /^[0-9a-f]{16}$/.test(at) ? { at, token: kept?.get(keyOf({ stream, ...(params && { params }) })) ?? '' } : {};
      session.receive(JSON.stringify({ type: 'subscribe', id: index + 1, stream, ...(params && { params }), ...from }));
    }
  }

  #keep(who: string, session: Session<Buffer>, wanted: readonly Wanted[]): void {
    const tokens = new Map<string, string>();
    for (const each of wanted) {
      const token = session.tokenOf(each.stream, each.params);
      if (token !== null) tokens.set(keyOf(each), token);
    }
    const at = this.#server.clock.now();
    this.#kept.delete(who);
    this.#kept.set(who, { at, tokens });
    for (const [other, { at: since }] of this.#kept) {
      if (this.#kept.size <= KEPT && at - since < KEPT_MS) break;
      this.#kept.delete(other);
    }
  }

  async #post(found: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const open = this.#open.get(String(request.headers['rowcast-session'] ?? ''));
    const admission = await admitted(this.#server, found, request);
    if (!admission.ok) return refuse(response, admission);
    // A session of somebody else is none.
    if (!open || open.endpoint !== found.endpoint || open.principal !== admission.arrival.principal) {
      return refuse(response, { status: 404, message: 'there is no such session: open a stream of events first' });
    }
    const body = await bodyOf(request, found.endpoint.limits.frameBytes);
    if (body === null)
      return refuse(response, { status: 413, message: `a request holds at most ${found.endpoint.limits.frameBytes} bytes` });
    for (const frame of body.split('\n')) if (frame.trim() !== '') open.session.receive(frame);
    response.writeHead(202, { 'Cache-Control': 'no-store', ...allowed(found.endpoint, request) }).end();
  }

  #commenting(response: ServerResponse): { cancel(): void } {
    let timer: { cancel(): void };
    const again = (): void => {
      timer = this.#server.clock.after(COMMENT_MS, () => {
        if (response.writableLength === 0) response.write(COMMENT);
        again();
      });
    };
    again();
    return { cancel: () => timer.cancel() };
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Asked {
  readonly wanted: readonly Wanted[];
  readonly client: string | null;
}

class EventTransport implements Transport<Buffer> {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  write(bytes: Buffer): number {
    if (this.#response.writableEnded || this.#response.destroyed) return 0;
    const waiting = this.waiting();
    this.#response.write(bytes);
    return waiting;
  }

  waiting(): number {
    return this.#response.writableLength;
  }

  // What comes in has requests of its own, which answer when there is room.
  pause(): void {}
  resume(): void {}

  close(code: number, reason: string): void {
    if (!this.#response.writableEnded) this.#response.end(`event:close\ndata:${JSON.stringify({ code, reason })}\n\n`);
  }
}

function wantedOf(text: string | null): readonly Wanted[] | null {
  if (text === null) return [];
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) && value.every((each) => typeof (each as Partial<Wanted> | null)?.stream === 'string')
      ? (value as Wanted[])
      : null;
  } catch {
    return null;
  }
}

const keyOf = ({ stream, params = {} }: Wanted): string =>
  JSON.stringify([stream, Object.entries(params).sort(([one], [other]) => (one < other ? -1 : 1))]);

/** Null: it is longer. */
async function bodyOf(request: IncomingMessage, most: number): Promise<string | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A page of another origin that may connect may read the answer, with its visitor's cookies. */
function allowed({ options: { origins = [] } }: OpenEndpoint, { headers: { origin } }: IncomingMessage): Record<string, string> {
  if (origin === undefined || (origins !== 'any' && !origins.includes(origin))) return {};
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin' };
}

async function preflight({ endpoint }: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response
    .writeHead(204, {
      ...allowed(endpoint, request),
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers': 'Rowcast-Session, Last-Event-ID, Authorization, Content-Type',
      'Access-Control-Max-Age': '600',
    })
    .end();
}

const FULL: Refusal = { ok: false, status: 503, message: 'too many connections' };

function refuse(response: ServerResponse, { status, message }: { readonly status: number; readonly message: string }): void {
  if (response.destroyed) return;
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(status === 503 ? { 'Retry-After': '5' } : {}),
  };
  response.writeHead(status, headers).end(`${message}\n`);
}
